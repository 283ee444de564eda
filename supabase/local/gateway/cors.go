package gateway

import "net/http"

const (
	// allowedHeaders are what the Supabase clients send. A preflight that names headers gets its own list back, as at
	// the hosted gateway: a page may send headers of its own for request.headers in SQL.
	allowedHeaders = "accept-profile, apikey, authorization, content-profile, content-type, prefer, range, range-unit, " +
		"x-client-info, x-retry-count, x-supabase-api-version, x-upsert"
	allowedMethods = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS"
	exposedHeaders = "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Link, Location, " +
		"Preference-Applied, Range-Unit, Retry-After, Server, X-Supabase-Api-Version, X-Total-Count"
	preflightSeconds = "3600"
)

// preflight answers OPTIONS for every path, without a key: browsers send none with it.
func preflight(w http.ResponseWriter, r *http.Request) {
	headers := r.Header.Get("Access-Control-Request-Headers")
	if headers == "" {
		headers = allowedHeaders
	}
	w.Header().Set("Access-Control-Allow-Headers", headers)
	w.Header().Set("Access-Control-Allow-Methods", allowedMethods)
	w.Header().Set("Access-Control-Max-Age", preflightSeconds)
	w.WriteHeader(http.StatusOK)
}

// allowAnyOrigin lets pages of any origin read the answer. The keys protect the project, not the origin.
func allowAnyOrigin(header http.Header) {
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Expose-Headers", exposedHeaders)
}
