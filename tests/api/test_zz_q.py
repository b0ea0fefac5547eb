from tests.api.people import *
def test_q(services, client, token):
    add_products(services); p=add_person(services)
    r=client.post("/v1/decisions", json=ask(p.id, candidate(), candidate(id="c2",sku="nope")), headers=token("shop"))
    print(r.status_code, r.get_json())
    d=r.get_json()["decisions"][1]["id"]
    r=client.get("/v1/decisions/"+d, headers=token("customer",subject=p.id)); print(r.status_code,r.get_json())
    r=client.post("/v1/decisions", json=ask(p.id, candidate(strategy="automate"),counterfactuals=True), headers=token("customer",subject=p.id)); print(r.status_code,r.get_json())
    r=client.post("/v1/candidates", data=b"\n".join([b'{"subject":"%s","candidate":%s}'%(show_subject(p.id).encode(), __import__("msgspec").json.encode(candidate(id="x%d"%i))) for i in range(5)]), content_type="application/x-ndjson", headers=token("shop")|{"Idempotency-Key":"a"})
    print(r.status_code,r.get_data(),r.headers)
    j=r.get_json()["job"]
    r=client.get("/v1/jobs/"+j,headers=token("shop")); print(r.get_json())
    from service.use_cases.filter_chunk import filter_chunk
    from service import ids
    print(filter_chunk(services, ids.read("job",j), 0), filter_chunk(services, ids.read("job",j), 0))
    r=client.get("/v1/jobs/"+j,headers=token("shop")); print(r.get_json())
    r=client.get("/v1/jobs/"+j+"/results",headers=token("shop")); print(r.get_data())
    r=client.get("/v1/jobs/"+j+"/results",headers=token("dpo")|{"Accept":"text/csv"}); print(r.get_data())
    assert 0
