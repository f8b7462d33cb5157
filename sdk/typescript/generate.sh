#!/usr/bin/env bash
# Generates the packets of the wire and the types of the API. What it writes is committed.
set -euo pipefail
cd "$(dirname "$0")"

./test.sh --modules
protoc -I ../../bus/wire --plugin=node_modules/.bin/protoc-gen-es --es_out=src/wire --es_opt=target=ts,import_extension=js cordum.proto
node_modules/.bin/openapi-typescript ../../openapi/openapi.yaml -o src/api/schema.ts
