"""The demo: a small Nordic pharmacy, its goods, and some three hundred customers who do not exist."""
