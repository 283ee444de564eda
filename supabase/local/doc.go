// Package local runs a stand-in for a Supabase project on one machine: Postgres with the schemas and roles of a hosted
// project, Auth, PostgREST, Realtime and Storage behind one URL, answered by this process. `handoff dev` and the end-to-end
// tests start it. It is never for production: its keys and passwords are constants that anyone can read here.
//
// # Life
//
// Start takes the gateway's port first, so that a taken one is found before anything slow happens, then brings up
// Postgres, the schemas and the services, and returns when the URL answers. It starts everything or nothing. Failed
// tells when a part ended that nobody stopped; the rest keeps running until Stop, which ends the parts in the reverse
// order and waits for each. Nothing is restarted: a stand-in that lost a part is to be stopped.
//
// # What differs from a hosted project
//
// The packages below say what each service leaves out. Missing as a whole are Edge Functions, the connection poolers,
// TLS and rate limits. Data lives in DataDir until it is removed, except that an ephemeral stand-in removes its
// own.
package local
