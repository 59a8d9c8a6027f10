"""How a visit is answered: reasons, decision, destination. Pure; edge and control both ask it."""
