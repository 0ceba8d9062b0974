/* openapi - the description of the HTTP interface. tests/test_http.c holds every answer against it. */
#include "api/openapi.h"

/* JSON as it is, between the brackets of a macro: the preprocessor makes a string of it. */
#define TEXT(...) #__VA_ARGS__

/* clang-format off */
const char openapi_json[] = TEXT({
  "openapi": "3.1.0",
  "info": {
    "title": "Fingerpost",
    "description": "Which operating system the clients of a mail server run. GET and HEAD only.",
    "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    "version": ) "\"" FP_VERSION "\"" TEXT(
  },
  "paths": {
    "/": { "get": { "operationId": "root", "summary": "What there is here",
      "responses": {
        "200": { "$ref": "#/components/responses/Root" },
        "default": { "$ref": "#/components/responses/Problem" } } } },
    "/v1/hosts/{address}": { "get": { "operationId": "host", "summary": "What is known of an address",
      "parameters": [ { "name": "address", "in": "path", "required": true, "schema": { "type": "string" },
        "description": "IPv4 or IPv6, also v4-mapped or in brackets" } ],
      "responses": {
        "200": { "$ref": "#/components/responses/Host" },
        "400": { "$ref": "#/components/responses/Problem" },
        "404": { "$ref": "#/components/responses/Problem" },
        "default": { "$ref": "#/components/responses/Problem" } } } },
    "/v1/hosts": { "get": { "operationId": "hosts", "summary": "What is known of several addresses, in the order asked for",
      "parameters": [ { "name": "ip", "in": "query", "required": true, "explode": true,
        "schema": { "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": 1000 },
        "description": "an address; may be repeated" } ],
      "responses": {
        "200": { "$ref": "#/components/responses/Hosts" },
        "400": { "$ref": "#/components/responses/Problem" },
        "default": { "$ref": "#/components/responses/Problem" } } } },
    "/v1/stats": { "get": { "operationId": "stats", "summary": "Every counter, every thread, the store",
      "responses": {
        "200": { "$ref": "#/components/responses/Stats" },
        "default": { "$ref": "#/components/responses/Problem" } } } },
    "/healthz": { "get": { "operationId": "health", "summary": "Whether every thread moves and the store can be read",
      "responses": {
        "200": { "$ref": "#/components/responses/Health" },
        "503": { "$ref": "#/components/responses/Problem" },
        "default": { "$ref": "#/components/responses/Problem" } } } },
    "/metrics": { "get": { "operationId": "metrics", "summary": "The counters for Prometheus",
      "responses": {
        "200": { "description": "Prometheus text format",
          "content": { "text/plain": { "schema": { "type": "string" } } } },
        "default": { "$ref": "#/components/responses/Problem" } } } },
    "/openapi.json": { "get": { "operationId": "openapi", "summary": "This document",
      "responses": {
        "200": { "description": "OpenAPI 3.1", "content": { "application/json": { "schema": { "type": "object" } } } },
        "default": { "$ref": "#/components/responses/Problem" } } } }
  },
  "components": {
    "responses": {
      "Root": { "description": "Paths and what they answer",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Root" } } } },
      "Host": { "description": "The host",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Host" } } } },
      "Hosts": { "description": "The hosts; an unknown one has only ip and os, which is null",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Hosts" } } } },
      "Stats": { "description": "The counters",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Stats" } } } },
      "Health": { "description": "All is well",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Health" } } } },
      "Problem": { "description": "What went wrong (RFC 9457)",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } }
    },
    "schemas": {
      "Root": { "type": "object", "required": ["fingerpost", "paths"], "additionalProperties": false,
        "properties": { "fingerpost": { "type": "string" },
          "paths": { "type": "object", "additionalProperties": { "type": "string" } } } },
      "Health": { "type": "object", "required": ["status"], "additionalProperties": false,
        "properties": { "status": { "type": "string" } } },
      "Problem": { "type": "object", "required": ["type", "title", "status", "detail"], "additionalProperties": false,
        "properties": {
          "type": { "type": "string" }, "title": { "type": "string" }, "status": { "type": "integer" },
          "detail": { "type": "string" },
          "parameter": { "type": "string", "description": "the query parameter at fault" } } },
      "Time": { "type": ["string", "null"], "description": "RFC 3339, UTC" },
      "Os": { "type": ["object", "null"], "required": ["name", "flavor", "class", "match"], "additionalProperties": false,
        "properties": {
          "name": { "type": ["string", "null"] }, "flavor": { "type": ["string", "null"] },
          "class": { "type": ["string", "null"] },
          "match": { "type": "string", "enum": ["none", "exact", "generic", "fuzzy"] } } },
      "Candidate": { "type": "object", "required": ["name", "flavor", "p"], "additionalProperties": false,
        "properties": {
          "name": { "type": "string" }, "flavor": { "type": ["string", "null"] },
          "p": { "type": "number", "description": "probability" } } },
      "Host": { "type": "object", "additionalProperties": false,
        "required": ["ip", "os", "candidates", "signature", "path", "distance", "link", "mtu", "uptime_min", "clock_hz",
          "first_seen", "last_seen", "connections", "handshakes", "confirmed", "os_changed", "shared", "sharing", "origin"],
        "properties": {
          "ip": { "type": "string" },
          "os": { "$ref": "#/components/schemas/Os" },
          "candidates": { "type": "array", "items": { "$ref": "#/components/schemas/Candidate" } },
          "signature": { "type": ["string", "null"], "description": "as p0f 3 writes it" },
          "path": { "type": "array", "items": { "type": "string" }, "description": "what the way did to the packet" },
          "distance": { "type": ["integer", "null"], "description": "hops" },
          "link": { "type": ["string", "null"] },
          "mtu": { "type": ["integer", "null"] },
          "uptime_min": { "type": ["integer", "null"] },
          "clock_hz": { "type": ["integer", "null"] },
          "first_seen": { "$ref": "#/components/schemas/Time" },
          "last_seen": { "$ref": "#/components/schemas/Time" },
          "connections": { "type": "integer" },
          "handshakes": { "type": "integer" },
          "confirmed": { "type": "boolean", "description": "a handshake was completed: the address is not spoofed" },
          "os_changed": { "$ref": "#/components/schemas/Time" },
          "shared": { "$ref": "#/components/schemas/Time" },
          "sharing": { "type": "integer" },
          "origin": { "type": ["string", "null"], "description": "machine that supplied the verdict; null: this one" } } },
      "UnknownHost": { "type": "object", "required": ["ip", "os"], "additionalProperties": false,
        "properties": { "ip": { "type": "string" }, "os": { "type": "null" } } },
      "Hosts": { "type": "object", "required": ["hosts"], "additionalProperties": false,
        "properties": {
          "hosts": { "type": "array", "maxItems": 1000, "items": { "anyOf": [
            { "$ref": "#/components/schemas/Host" }, { "$ref": "#/components/schemas/UnknownHost" } ] } } } },
      "Causes": { "type": "object", "additionalProperties": { "type": "integer" },
        "description": "frames that could not be read, by cause" },
      "Counters": { "type": "object", "additionalProperties": { "type": "integer" },
        "description": "kernel_seen = kernel_dropped + frames; frames = filtered + undecodable + ignored + observed; observed = ring_dropped + matched; matched = table_refused + applied; changed = coalesced + written + store_failed + pending",
        "properties": { "undecodable": { "$ref": "#/components/schemas/Causes" } } },
      "Queue": { "type": "object", "required": ["queue", "source", "undecodable"], "additionalProperties": { "type": "integer" },
        "properties": { "queue": { "type": "integer" }, "source": { "type": "string" },
          "undecodable": { "$ref": "#/components/schemas/Causes" } } },
      "Matcher": { "type": "object", "required": ["matcher"], "additionalProperties": { "type": "integer" },
        "properties": { "matcher": { "type": "integer" } } },
      "Thread": { "type": "object", "required": ["name", "state", "beat_age_ms"], "additionalProperties": false,
        "properties": { "name": { "type": "string" },
          "state": { "type": "string", "enum": ["unused", "running", "ended"] },
          "beat_age_ms": { "type": ["integer", "null"], "description": "since it last showed that it moves" } } },
      "Store": { "type": "object", "required": ["usable", "reason"], "additionalProperties": false,
        "properties": { "usable": { "type": "boolean" }, "reason": { "type": ["string", "null"] },
          "mode": { "type": "string", "enum": ["live", "files"] },
          "now": { "$ref": "#/components/schemas/Time" },
          "written": { "$ref": "#/components/schemas/Time" },
          "bytes": { "type": "integer" }, "transaction": { "type": "integer" } } },
      "Stats": { "type": "object", "additionalProperties": false,
        "required": ["version", "started", "uptime_s", "store", "sum", "queues", "matchers", "writer", "services", "threads"],
        "properties": {
          "version": { "type": "string" },
          "started": { "$ref": "#/components/schemas/Time" },
          "uptime_s": { "type": "integer" },
          "store": { "$ref": "#/components/schemas/Store" },
          "sum": { "$ref": "#/components/schemas/Counters" },
          "queues": { "type": "array", "items": { "$ref": "#/components/schemas/Queue" } },
          "matchers": { "type": "array", "items": { "$ref": "#/components/schemas/Matcher" } },
          "writer": { "$ref": "#/components/schemas/Counters" },
          "services": { "$ref": "#/components/schemas/Counters" },
          "threads": { "type": "array", "items": { "$ref": "#/components/schemas/Thread" } } } }
    }
  }
}) "\n";
