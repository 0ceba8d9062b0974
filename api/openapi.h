/* openapi - the description of the HTTP interface, an OpenAPI 3.1 document; served at /openapi.json. */
#ifndef FP_OPENAPI_H
#define FP_OPENAPI_H

extern const char openapi_json[];

#endif
