"""Ideas and the steps they run: the graph, what may be remembered, and how far each idea climbed."""
