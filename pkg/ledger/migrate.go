package ledger

import (
	"context"
	"database/sql"
	"fmt"
)

const (
	// applicationID marks our SQLite files (at octet 68 of the file): "IFLT".
	applicationID = 0x49464c54
	// schemaVersion is what this program reads and writes.
	schemaVersion = 5
)

// migrations has at i what makes schema version i+1 of version i.
func migrations() []string { return []string{schema1, schema2, schema3, schema4, schema5} }

// schemaOf reads a database's mark and schema version.
func schemaOf(ctx context.Context, c *sql.Conn) (application, version int, err error) {
	if err := c.QueryRowContext(ctx, "PRAGMA application_id").Scan(&application); err != nil {
		return 0, 0, err
	}
	err = c.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	return application, version, err
}

// migrate brings a database from schema version have to the last of steps, in
// one transaction.
func migrate(ctx context.Context, c *sql.Conn, have int, steps []string) (err error) {
	if have == len(steps) {
		return nil
	}
	if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = c.ExecContext(ctx, "ROLLBACK") // the first error says more
		}
	}()
	for i, step := range steps[have:] {
		if _, err := c.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("schema %d: %w", have+i+1, err)
		}
	}
	end := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", applicationID, len(steps))
	if _, err := c.ExecContext(ctx, end); err != nil {
		return err
	}
	// An older program looks at the file without its WAL: it must see the new
	// version there. Failing is harmless, the next checkpoint does it.
	_, _ = c.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return nil
}
