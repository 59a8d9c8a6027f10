"""How well visits are judged: public collections of user agents, the lists of machines, and the tables made of them."""
