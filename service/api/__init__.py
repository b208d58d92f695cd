"""HTTP and nothing else: routes, bodies, problems, health."""
