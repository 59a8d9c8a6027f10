from tests.edge.conftest import edge, edges, way

__all__ = ["edge", "edges", "way"]
