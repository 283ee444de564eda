// Package gateway puts the services of the stand-in behind one URL, as the gateway of hosted Supabase does.
//
// What a request meets, in this order:
//
//  1. A panic below is recovered, logged and answered with 500. The access log is written at debug level only.
//  2. CORS: every answer carries the headers a browser asks for, and OPTIONS is answered here for every path.
//  3. The route: /auth/v1, /rest/v1 and /realtime/v1 lead to the services with the prefix stripped, the bare
//     /socket/websocket leads to Realtime too, /health answers by itself, anything else is 404.
//  4. The API key, from the header apikey or, where there is none, from the query parameter of that name. Only the
//     project's own keys pass: the two sb_ keys and the two legacy role tokens. A user's token is not an API key.
//
// Services never see an sb_ key. The gateway replaces it by the role token it stands for, in the apikey header, in the
// query of a WebSocket and in Authorization when a client has sent the key there too. Authorization that holds a user's
// token passes untouched: judging it is the service's business. The key is taken out of every other query, because
// PostgREST would read it as a filter.
//
// The stand-in is for development on one machine. There is no TLS, no rate limit and no request size limit here.
package gateway
