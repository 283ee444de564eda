package migrations

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// StampLayout is the form of a version in the names of the Supabase CLI's migrations: UTC, to the second.
const StampLayout = "20060102150405"

// ejectPrefix begins the name part of every file that Eject writes.
const ejectPrefix = "handoff_"

// EjectState says what Eject did about one migration.
type EjectState string

// What Eject can have done.
const (
	// EjectWritten: the folder had no file of this migration, or one of another version of it.
	EjectWritten EjectState = "written"
	// EjectUnchanged: the newest file of this migration holds what would be written now.
	EjectUnchanged EjectState = "unchanged"
	// EjectEdited: the newest file is of this version by its first line, but somebody changed the SQL below. It is kept.
	EjectEdited EjectState = "edited"
)

// ErrEjectFolder is in the chain of errors about the folder: it cannot be made, read or written.
var ErrEjectFolder = errors.New("the migrations folder cannot be used")

// StampError is a version that would sort before a file that is already in the folder. The CLI refuses to push such files
// without --include-all, and would run them too early in a new database.
type StampError struct {
	// Stamp is the version of the first file that was to be written.
	Stamp string
	// Newest is the name of the last file in the folder.
	Newest string
}

// Error names both versions.
func (e *StampError) Error() string {
	return fmt.Sprintf("version %s does not come after %s, the last migration of the folder", e.Stamp, e.Newest)
}

// EjectOptions say where Eject writes and under which versions.
type EjectOptions struct {
	// Dir is the migrations folder of a Supabase project, usually supabase/migrations. It is made when missing.
	Dir string
	// Stamp is the version of the first file written; the next ones follow one second apart. Zero: the present time, or
	// one second after the last file of the folder when that is later.
	Stamp time.Time
}

// Ejected is one migration and what became of it.
type Ejected struct {
	// Name is the migration, for example "70_conversations".
	Name string
	// File is the name of its newest file in the folder.
	File  string
	State EjectState
}

// Eject writes the migrations as files that the Supabase CLI pushes, those that the folder does not have yet or has in
// another version. It never changes or removes a file: a new version of a migration is a new file with a later stamp,
// as the CLI demands of what may have been pushed. Pushing such a file leaves the same rows in handoff.schema_migrations
// as Up does, so Up and Status agree with the CLI about what is applied.
//
// After an error the results end before the migration that failed. Files written until then stay, and are whole; running
// Eject again goes on from there. Errors: ErrEjectFolder, *StampError.
func Eject(opts EjectOptions) ([]Ejected, error) {
	if err := os.MkdirAll(opts.Dir, 0o755); err != nil { //nolint:gosec // source files for everybody who may read the repository
		return nil, fmt.Errorf("%w: %w", ErrEjectFolder, err)
	}
	folder, err := readFolder(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEjectFolder, err)
	}
	files := Files()
	results := make([]Ejected, 0, len(files))
	for _, file := range files {
		results = append(results, folder.standing(file))
	}
	done, err := folder.write(files, results, opts.Stamp)
	return results[:done], err
}

// ejectHeader is the first line of each file, by which a later run knows the migration and its version again.
var ejectHeader = regexp.MustCompile(`^-- handoff: ([0-9A-Za-z_]+) sha256:([0-9a-f]{64})\r?\n`)

// folderFile matches what the CLI takes for a migration; it looks at no other file, and neither does Eject.
var folderFile = regexp.MustCompile(`^([0-9]+)_.*\.sql$`)

// folder is a migrations folder as Eject found it.
type folder struct {
	dir string
	// last is the name of the file with the last version, empty in an empty folder.
	last string
	// newest holds, by migration, the newest file that Eject wrote.
	newest map[string]ejectedFile
}

type ejectedFile struct {
	file     string
	checksum string
	text     string
}

func readFolder(dir string) (folder, error) {
	found := folder{dir: dir, newest: map[string]ejectedFile{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return folder{}, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		return strings.Compare(versionOf(a.Name()), versionOf(b.Name()))
	})
	for _, entry := range entries {
		if entry.IsDir() || !folderFile.MatchString(entry.Name()) {
			continue
		}
		if err := found.add(entry.Name()); err != nil {
			return folder{}, err
		}
	}
	return found, nil
}

// add takes note of a file that comes after all others so far.
func (f *folder) add(name string) error {
	text, err := os.ReadFile(filepath.Join(f.dir, name)) //nolint:gosec // the folder is the caller's choice
	if err != nil {
		return err
	}
	f.last = name
	if header := ejectHeader.FindSubmatch(text); header != nil {
		// An editor or a checkout may have changed the line ends; that does not make it another file.
		unix := strings.ReplaceAll(string(text), "\r\n", "\n")
		f.newest[string(header[1])] = ejectedFile{file: name, checksum: string(header[2]), text: unix}
	}
	return nil
}

// versionOf is what the CLI orders files by: the leading digits, compared as text.
func versionOf(name string) string {
	version, _, _ := strings.Cut(name, "_")
	return version
}

func (f *folder) standing(file File) Ejected {
	found, known := f.newest[file.Name]
	switch {
	case !known || found.checksum != file.Checksum:
		return Ejected{Name: file.Name, State: EjectWritten}
	case !strings.Contains(found.text, file.SQL):
		return Ejected{Name: file.Name, File: found.file, State: EjectEdited}
	default:
		return Ejected{Name: file.Name, File: found.file, State: EjectUnchanged}
	}
}

// write makes the files that are outstanding, enters their names into the results, and returns how many results hold.
func (f *folder) write(files []File, results []Ejected, wanted time.Time) (done int, err error) {
	if !slices.ContainsFunc(results, isOutstanding) {
		return len(results), nil
	}
	stamp, err := f.firstStamp(wanted)
	if err != nil {
		return 0, err
	}
	for i, file := range files {
		if !isOutstanding(results[i]) {
			continue
		}
		results[i].File = stamp.Format(StampLayout) + "_" + ejectPrefix + file.Name + ".sql"
		if err := writeNew(filepath.Join(f.dir, results[i].File), ejectedText(file)); err != nil {
			return i, fmt.Errorf("%w: %w", ErrEjectFolder, err)
		}
		stamp = stamp.Add(time.Second)
	}
	return len(results), nil
}

func isOutstanding(one Ejected) bool { return one.State == EjectWritten }

// firstStamp is the version to begin with: the wanted one, or else now, but always after everything in the folder.
func (f *folder) firstStamp(wanted time.Time) (time.Time, error) {
	stamp := wanted.UTC()
	if wanted.IsZero() {
		stamp = f.afterLast(time.Now().UTC())
	}
	if f.last != "" && stamp.Format(StampLayout) <= versionOf(f.last) {
		return time.Time{}, &StampError{Stamp: stamp.Format(StampLayout), Newest: f.last}
	}
	return stamp, nil
}

// afterLast is now, or the second after the last file: an earlier Eject stamped its files up to some seconds ahead.
func (f *folder) afterLast(now time.Time) time.Time {
	last, err := time.Parse(StampLayout, versionOf(f.last))
	if err != nil || last.Before(now.Truncate(time.Second)) {
		return now // a version that is no time is judged as text by firstStamp
	}
	return last.Add(time.Second)
}

// writeNew writes a file that must not be there yet. A file that could not be written whole is removed.
func writeNew(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as the folder
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// ejectedText is the file for the Supabase CLI: what Up does in its transaction, as SQL. The CLI makes one transaction of
// the whole file and sets nothing for it. An explicit one in the file would cut it loose from the CLI's own ledger; without
// one "set local" gives a warning, which set_config, doing the same, does not.
func ejectedText(file File) string {
	return fmt.Sprintf(`-- handoff: %[1]s sha256:%[2]s
-- Written by "handoff migrate eject". Leave it as it is: a new version of it comes as a new file.
select set_config('client_min_messages', 'warning', true), set_config('lock_timeout', '%[3]d', true);
select pg_advisory_xact_lock(%[4]d);
select set_config('lock_timeout', '%[5]d', true);

%[6]s
insert into handoff.schema_migrations as ledger (name, checksum) values ('%[1]s', '%[2]s')
on conflict (name) do update set checksum = excluded.checksum, applied_at = now();
`, file.Name, file.Checksum, turnTimeout.Milliseconds(), int64(advisoryLock), lockTimeout.Milliseconds(), file.SQL)
}
