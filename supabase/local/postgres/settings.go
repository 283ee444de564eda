package postgres

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// settingsFile is included at the end of postgresql.conf and written anew by every start. What a developer sets by
// ALTER SYSTEM still wins over it.
const settingsFile = "handoff.conf"

// hostedSettings are those of hosted Supabase that an application can notice, with room for more slots than hosted
// plans have: each test database may want some.
var hostedSettings = map[string]string{
	"listen_addresses":           "127.0.0.1",
	"unix_socket_directories":    "",
	"wal_level":                  "logical",
	"max_replication_slots":      "64",
	"max_wal_senders":            "64",
	"max_connections":            "200",
	"max_slot_wal_keep_size":     "4096MB",
	"shared_buffers":             "128MB",
	"timezone":                   "UTC",
	"log_timezone":               "UTC",
	"log_line_prefix":            "%m [%p] %q%u@%d ",
	"default_text_search_config": "pg_catalog.english",
}

// ephemeralSettings give up surviving a power failure, and keep the log small because it may stand in memory.
// synchronous_commit stays on.
var ephemeralSettings = map[string]string{
	"fsync":            "off",
	"full_page_writes": "off",
	"max_wal_size":     "256MB",
}

// includeSettings makes a fresh cluster read settingsFile.
func includeSettings(clusterDir string) error {
	file, err := os.OpenFile(filepath.Join(clusterDir, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0) //nolint:gosec // a file that initdb just made
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(file, "\ninclude_if_exists = '%s'\n", settingsFile); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

func writeSettings(place layout, owner *account, port int, opts Options) error {
	settings := maps.Clone(hostedSettings)
	if opts.Ephemeral {
		maps.Copy(settings, ephemeralSettings)
	}
	maps.Copy(settings, opts.Settings)
	settings["port"] = strconv.Itoa(port)
	if err := os.WriteFile(place.settings(), []byte(renderSettings(settings)), 0o600); err != nil {
		return fmt.Errorf("write settings: %w", err)
	}
	return owner.own(place.settings())
}

func renderSettings(settings map[string]string) string {
	var text strings.Builder
	text.WriteString("# Written at every start. Use ALTER SYSTEM for settings of your own.\n")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&text, "%s = '%s'\n", name, strings.ReplaceAll(settings[name], "'", "''"))
	}
	return text.String()
}
