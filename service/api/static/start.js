// A file of its own, because the page's policy allows no script inside the page.
window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#docs",
    deepLinking: true,
    // A token typed in here stays in this page and is gone with it.
    persistAuthorization: false,
    validatorUrl: null,
  });
};
