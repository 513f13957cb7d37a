# Wheels are installed, and the HTTP parser compiled, where there is a compiler; the image that
# serves has none.
FROM python:3.13-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev python3-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /venv
COPY requirements.txt .
# What serving imports; requirements.txt pins these and all that they need. The libraries' own
# tests would add some 70 MB.
RUN /venv/bin/pip install --no-cache-dir --constraint requirements.txt \
        flask gunicorn gunicorn_h1c joblib msgspec numpy onnxruntime psycopg \
        psycopg-binary scikit-learn sqlalchemy \
    && find /venv -type d -name tests -prune -exec rm -r {} + \
    && /venv/bin/pip uninstall --yes pip

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
COPY --from=build /venv /venv
WORKDIR /service
COPY app.py gunicorn.conf.py ./
COPY serving serving
COPY models models
# Compiled now: the root file system is read-only when it runs.
RUN python -m compileall -q app.py serving
# A volume mounted here belongs to whom the folder belongs to.
RUN mkdir var && chown 10001:10001 var
USER 10001:10001
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD \
    ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT', 5000)}/health/ready\", timeout=4)"]
CMD ["gunicorn", "app:app"]
