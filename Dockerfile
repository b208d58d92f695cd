# The service and nothing of the training stack. Two targets that differ in their wheels alone:
#   docker build .                  CPU
#   docker build --target cuda .    NVIDIA GPU; CUDA and cuDNN come as wheels, the host brings the driver (580 or newer)
# Needs BuildKit (the default since Docker 23) for its cache mounts.
ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim-bookworm AS python
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# --- wheels: checked against their hashes, compiled once here because nothing can be written at run time ---
FROM python AS wheels
RUN python -m venv --without-pip /opt/venv

FROM wheels AS wheels-cpu
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=bind,source=requirements/service.txt,target=/tmp/requirements.txt \
    pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: --no-compile -r /tmp/requirements.txt \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

FROM wheels AS wheels-cuda
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=bind,source=requirements/service-cuda.txt,target=/tmp/requirements.txt \
    pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: --no-compile -r /tmp/requirements.txt \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

# --- our own files: readable by any user id and writable by none, whatever the modes in the checkout ---
FROM python AS program
COPY service/ /app/service/
COPY models/ /app/models/
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app/service \
 && chmod -R a+rX,a-w /app

# --- what both targets run as ---
FROM python AS runtime
ARG PYTHON_VERSION
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="convserve" \
      org.opencontainers.image.description="Serves image classifiers over HTTP: FastAPI in front, ONNX Runtime behind" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/python:${PYTHON_VERSION}-slim-bookworm"
RUN groupadd --gid 10001 convserve \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin convserve
ENV PATH=/opt/venv/bin:$PATH \
    ORT_DISABLE_TELEMETRY=1 \
    CONVSERVE_HOST=0.0.0.0 \
    CONVSERVE_PORT=8000 \
    CONVSERVE_MODELS_DIR=/app/models
WORKDIR /app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --retries=3 --start-period=30s --start-interval=1s \
    CMD ["python", "-m", "service", "health"]
CMD ["python", "-m", "service"]

FROM runtime AS cuda
ENV CONVSERVE_PROVIDERS=cuda \
    CONVSERVE_REQUIRE_GPU=true \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=wheels-cuda /opt/venv /opt/venv
COPY --from=program /app /app

# Last, so that `docker build .` makes it.
FROM runtime AS cpu
COPY --from=wheels-cpu /opt/venv /opt/venv
COPY --from=program /app /app
