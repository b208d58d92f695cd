#!/usr/bin/env bash
# Pins and hashes everything the project installs: `make lock`.
#
# torch stands apart, in torch.txt, without a hash: its builds differ by machine (CPU, CUDA), and so do their hashes. It is
# installed first; it and what only it needs are left out of the hashed lists here.
set -euo pipefail
cd "$(dirname "$0")"
only_for_torch=(torch triton sympy mpmath networkx jinja2 markupsafe setuptools pip)

compile() {
  pip-compile --quiet --generate-hashes --strip-extras --no-header --no-emit-index-url --no-emit-trusted-host \
    --no-emit-find-links --no-emit-options --annotation-style=line "$@"
}

compile --output-file=service.txt service.in
compile --output-file=service-cuda.txt service-cuda.in
compile "${only_for_torch[@]/#/--unsafe-package=}" --output-file=training.txt training.in torch.txt
compile "${only_for_torch[@]/#/--unsafe-package=}" --output-file=dev.txt dev.in

# What stands in torch.txt is rightly not pinned here; the compiler's advice about it would only mislead.
sed -i '/^# WARNING: The following packages were not pinned/,$d' training.txt dev.txt
