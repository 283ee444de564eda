package storage

import (
	"crypto/md5" //nolint:gosec // S3's ETag of a file is this sum; nothing is protected by it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// disk keeps the bytes of objects in a folder, each under its version: names that clients choose reach no file system.
type disk struct{ dir string }

func (d disk) path(version string) string { return filepath.Join(d.dir, version) }

// write keeps what it reads, at most limit bytes, and returns the size and the ETag. After an error nothing is left.
func (d disk) write(version string, content io.Reader, limit int64) (size int64, etag string, err error) {
	file, err := os.OpenFile(d.path(version), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, "", fmt.Errorf("create file: %w", err)
	}
	sum := md5.New() //nolint:gosec // see the import
	size, err = io.Copy(io.MultiWriter(file, sum), io.LimitReader(content, limit+1))
	err = errors.Join(err, file.Close())
	if err == nil && size > limit {
		err = errTooLarge
	}
	if err != nil {
		return 0, "", errors.Join(err, d.remove(version))
	}
	return size, `"` + hex.EncodeToString(sum.Sum(nil)) + `"`, nil
}

func (d disk) open(version string) (*os.File, error) {
	file, err := os.Open(d.path(version))
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNoObject
	}
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	return file, nil
}

// remove is content when the file is not there.
func (d disk) remove(version string) error {
	if err := os.Remove(d.path(version)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove file: %w", err)
	}
	return nil
}
