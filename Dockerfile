# The image that serves, and that trains where docker-compose.yml starts it so. Wheels are installed,
# and the HTTP parser and the project's own C compiled, in a stage that has a compiler; the image has
# none.
FROM python:3.13-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev python3-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /venv
COPY requirements.txt requirements-parser.txt ./
# What serves and what trains. The libraries' own tests would add some 110 MB; their sources in C and
# Cython, what type checkers read, ONNX Runtime's tools for converting models, what cffi compiles
# with, symbols of libsodium, and time zones another 20.
RUN /venv/bin/pip install --no-cache-dir --no-compile --requirement requirements.txt \
    && (/venv/bin/pip install --no-cache-dir --no-compile --requirement requirements-parser.txt \
        || echo "gunicorn's own HTTP parser serves, which is slower") \
    && find /venv -type d -name tests -prune -exec rm -r {} + \
    && find /venv -regex '.*\.\(py[ix]\|pxd\|[ch]\|[ch]pp\|a\)' -delete \
    && rm -r /venv/lib/python3.*/site-packages/onnxruntime/quantization \
        /venv/lib/python3.*/site-packages/onnxruntime/tools \
        /venv/lib/python3.*/site-packages/onnxruntime/transformers \
        /venv/lib/python3.*/site-packages/cffi \
        /venv/lib/python3.*/site-packages/onnx/backend/test \
    && strip /venv/lib/python3.*/site-packages/nacl/_sodium.abi3.so \
    && /venv/bin/pip uninstall --yes pycparser tzdata
# The command `adega`, which runs the code that is in /service then, and the project's own C.
WORKDIR /service
COPY pyproject.toml ./
COPY serving/__init__.py serving/
COPY serving/models/_forest.h serving/models/_walk.c serving/models/
COPY serving/models/explaining/_explain.c serving/models/explaining/
COPY serving/inputs/_columns.c serving/inputs/_rows.c serving/inputs/
RUN /venv/bin/pip install --no-deps --no-build-isolation --editable . \
    && /venv/bin/pip uninstall --yes setuptools pip

FROM python:3.13-slim
LABEL org.opencontainers.image.title=Adega \
    org.opencontainers.image.description="scikit-learn models in production" \
    org.opencontainers.image.licenses=BSD-3-Clause \
    com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 HOST=0.0.0.0 TRAINING_WORKER=off
COPY --from=build /venv /venv
WORKDIR /service
COPY app.py gunicorn.conf.py ./
COPY deploy/sagemaker/serve /usr/local/bin/serve
COPY deploy/for-owner /usr/local/bin/for-owner
COPY deploy/healthcheck.py /usr/local/bin/healthcheck
COPY serving serving
COPY --from=build /service/serving serving
COPY train train
COPY models models
# Compiled now, what is used of it: the root file system is read-only when it runs.
RUN python -m compileall -q app.py serving train \
    && python -c "import pandas, psycopg, gunicorn.app.wsgiapp; from app import app" \
    && python -m serving.server.pickle_check \
    && mkdir /tmp/models \
    && MODELS_DIR=/tmp/models VAR_DIR=/tmp/var adega train diabetes \
    && rm -r /tmp/*
# A volume mounted here belongs to whom the folder belongs to.
RUN mkdir run var && chown 10001:10001 run var
USER 10001:10001
EXPOSE 5000 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["healthcheck"]
CMD ["gunicorn", "app:app"]
