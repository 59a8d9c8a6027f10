"""What control keeps in Redis for the edges, and how it stays true."""
