# One image for the three processes, chosen by the argument: docker run taptrail edge|aggregator|control
# Target `stack` adds the embedded servers, for trying it out: docker build --target stack -t taptrail-stack .
# A release pins the base: docker build --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS wheel
# For records/machine_code.py. Any compiler does: nothing of it gets into the image.
# hadolint ignore=DL3008
RUN apt-get update -qq \
    && apt-get install -qq --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements/build.txt requirements/
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements/build.txt
COPY . .
RUN python image/compile.py && pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM ${PYTHON_IMAGE} AS dependencies
WORKDIR /src
COPY requirements/base.txt requirements/
RUN python -m venv --without-pip /opt/taptrail \
    && pip --python /opt/taptrail/bin/python install --no-cache-dir --require-hashes --no-deps -r requirements/base.txt
# The parts of Arrow that nothing here loads: 65 of its 170 MB.
RUN rm -rf /opt/taptrail/lib/python3*/site-packages/pyarrow/*flight* \
        /opt/taptrail/lib/python3*/site-packages/pyarrow/*s3* \
        /opt/taptrail/lib/python3*/site-packages/pyarrow/include \
        /opt/taptrail/lib/python3*/site-packages/pyarrow/tests

FROM dependencies AS build
COPY --from=wheel /wheels /wheels
RUN pip --python /opt/taptrail/bin/python install --no-cache-dir --no-index --no-deps /wheels/*.whl

FROM dependencies AS stack-dependencies
COPY requirements/stack.txt requirements/
RUN pip --python /opt/taptrail/bin/python install --no-cache-dir --require-hashes --no-deps -r requirements/stack.txt

FROM stack-dependencies AS stack-build
COPY --from=wheel /wheels /wheels
RUN pip --python /opt/taptrail/bin/python install --no-cache-dir --no-index --no-deps /wheels/*.whl

FROM ${PYTHON_IMAGE} AS runtime
# Nobody installs anything into a running container.
RUN pip uninstall --yes --quiet --root-user-action=ignore setuptools wheel pip \
    && rm -rf /usr/local/lib/python3*/ensurepip \
    && groupadd --gid 10001 taptrail \
    && useradd --uid 10001 --gid taptrail --no-create-home --home-dir /var/lib/taptrail --shell /usr/sbin/nologin taptrail \
    && install -d -o taptrail -g taptrail -m 0700 /var/lib/taptrail
# The root file system is read-only where this runs: what is not compiled here is compiled again at every start.
# Large uploads and the spool go to the volume, the one place that is written to.
ENV PATH=/opt/taptrail/bin:$PATH PYTHONUNBUFFERED=1 TMPDIR=/var/lib/taptrail
ARG VERSION=0.1.0 REVISION=unknown
LABEL org.opencontainers.image.title="Taptrail" \
      org.opencontainers.image.description="Branded, per-contact short links, every tap recorded exactly once" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /var/lib/taptrail
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-I", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('TAPTRAIL_OPS_PORT', 9100)), timeout=2); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["taptrail"]
CMD ["--help"]

FROM runtime AS stack
COPY --from=stack-build /opt/taptrail /opt/taptrail
RUN python -c "import http.client, stack.up, stack.clickhouse.__main__, stack.clickhouse.serving, edge.__main__, aggregator.__main__, control.__main__, cli.mint, cli.read, cli.manage"
ENV PYTHONDONTWRITEBYTECODE=1 TAPTRAIL_DATA=/var/lib/taptrail
USER 10001:10001
VOLUME /var/lib/taptrail
EXPOSE 8080 8081
CMD ["up", "--data", "/var/lib/taptrail", "--host", "0.0.0.0"]

FROM runtime AS processes
COPY --from=build /opt/taptrail /opt/taptrail
RUN python -c "import http.client, edge.__main__, aggregator.__main__, control.__main__, cli.mint, cli.read, cli.manage"
# The same ops port in every container; it is for the network of the containers, never published.
ENV PYTHONDONTWRITEBYTECODE=1 \
    TAPTRAIL_HOST=0.0.0.0 \
    TAPTRAIL_OPS_HOST=0.0.0.0 \
    TAPTRAIL_OPS_PORT=9100 \
    TAPTRAIL_SPOOL_DIR=/var/lib/taptrail/spool
USER 10001:10001
VOLUME /var/lib/taptrail
EXPOSE 8080 8081 9100
