package replication

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// publicationStatement publishes inserts only: the worker needs no more, and the outbox then needs no replica
// identity. Rows come under the parent's name, so that adding a partition does not change the stream.
func publicationStatement(table tableName, publication string) string {
	return fmt.Sprintf("create publication %s for table %s with (publish = 'insert', publish_via_partition_root = true)",
		pgx.Identifier{publication}.Sanitize(), table.quoted())
}

// ensurePublication makes the publication if the survey found none, and reports whether it did.
func ensurePublication(ctx context.Context, conn *pgx.Conn, found survey, table tableName, publication string) (bool, error) {
	if found.publicationExists {
		return false, nil
	}
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	_, err := conn.Exec(queryCtx, publicationStatement(table, publication))
	switch sqlState(err) {
	case stateDuplicateObject, stateUniqueViolation:
		return false, fmt.Errorf("publication %s: %w", publication, errRace)
	}
	if err != nil {
		return false, queryError("create publication "+publication, err)
	}
	return true, nil
}
