package replication

import "context"

// Check connects once and reports the first thing that would keep Run from streaming, as a *SetupError whose text is
// a sentence and a remedy; nil means that a stream can be set up. It changes nothing, and it does not mind a slot that
// another process uses.
func Check(ctx context.Context, options Options) error {
	options = options.withDefaults()
	config, err := parseURL(options.URL)
	if err != nil {
		return err
	}
	conn, err := connectSQL(ctx, config)
	if err != nil {
		return err
	}
	defer closeSQL(ctx, conn)
	table := splitTable(options.Table)
	found, err := takeSurvey(ctx, conn, table, options.Publication)
	if err != nil {
		return err
	}
	if err := found.obstacle(table, options.Publication); err != nil {
		return err
	}
	present, err := findSlot(ctx, conn, options.Slot)
	switch {
	case err != nil:
		return err
	case present == nil && found.slots >= found.maxSlots:
		return noFreeSlot(nil)
	case present != nil && present.foreign(options.Slot, found.database) != nil:
		return present.foreign(options.Slot, found.database)
	}
	replication, err := connectReplication(ctx, config)
	if err != nil {
		return err
	}
	closeReplication(ctx, replication.PgConn)
	return nil
}
