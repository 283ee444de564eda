// Package metrics shows what the worker does: numbers for Prometheus, whether the process is alive, and whether it is ready.
//
// It is the only package that knows Prometheus. The others count into Stats structs of their own; here each is read once a
// scrape, so that its numbers belong together. docs/operations.md lists every metric, and a test keeps that page equal to
// Catalogue.
package metrics
