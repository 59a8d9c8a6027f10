"""The small pages that visitors get instead of a redirect: texts, look, and the HTML. Pure."""
