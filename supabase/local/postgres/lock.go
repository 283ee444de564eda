package postgres

import (
	"errors"
	"os"
	"strconv"
	"strings"
)

// takeLock makes this process the only one that runs a server on dataDir. The lock ends with the process, or when the
// returned file is closed. The error is *AlreadyRunningError when another process holds it.
func takeLock(dataDir, path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644) //nolint:gosec // others may read whose lock it is
	if err != nil {
		return nil, err
	}
	err = flock(file)
	if errors.Is(err, errLocked) {
		err = &AlreadyRunningError{DataDir: dataDir, PID: readPID(path)}
	}
	if err == nil {
		err = writePID(file)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// readPID returns the number in the first line of a file, 0 when there is none.
func readPID(path string) int {
	text, err := os.ReadFile(path) //nolint:gosec // a file of our own folder
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return 0
	}
	return pid
}
