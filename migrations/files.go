package migrations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// File is one migration.
type File struct {
	// Name is the file's name without its extension, for example "70_conversations".
	Name string
	// SQL is the text that is run.
	SQL string
	// Checksum is the SHA-256 of SQL in hexadecimal.
	Checksum string
}

// Files returns all migrations in the order they are applied.
func Files() []File {
	entries, err := fs.ReadDir(sqlFiles, "sql")
	if err != nil {
		panic(fmt.Sprintf("read embedded migrations: %v", err)) // part of the binary: cannot fail
	}
	files := make([]File, 0, len(entries))
	for _, entry := range entries {
		files = append(files, readFile(entry.Name()))
	}
	return files
}

func readFile(name string) File {
	text, err := sqlFiles.ReadFile(path.Join("sql", name))
	if err != nil {
		panic(fmt.Sprintf("read embedded migration %s: %v", name, err)) // part of the binary: cannot fail
	}
	sum := sha256.Sum256(text)
	return File{Name: strings.TrimSuffix(name, ".sql"), SQL: string(text), Checksum: hex.EncodeToString(sum[:])}
}

// Fingerprint identifies the whole set of migrations: the same for the same SQL.
func Fingerprint() string {
	hash := sha256.New()
	for _, file := range Files() {
		_, _ = fmt.Fprintf(hash, "%s %s\n", file.Name, file.Checksum) // a hash never fails to write
	}
	return hex.EncodeToString(hash.Sum(nil))
}
