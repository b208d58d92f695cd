"""`python -m service predict`: classifies pictures from files, folders, addresses or standard input.

Offline through the very engine that serves, or through HTTP where `--server` names a service; the lines that come out
are the same. Knows nothing of the server's own side: the two ways meet in what the HTTP API promises.
"""
