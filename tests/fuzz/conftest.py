from tests.edge.conftest import edge, edges

__all__ = ["edge", "edges"]
