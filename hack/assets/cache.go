package assets

// The cache has one writer at a time, and a file appears under its name only when it is complete.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// stagePrefix marks directories that are being filled. Without the lock held, any of them is left over from a process
// that was killed.
const stagePrefix = ".unfinished-"

// lock waits until this process alone may fill the cache. The kernel releases the lock of a process that was killed.
func (f *Finder) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(f.Cache, 0o755); err != nil {
		return nil, fmt.Errorf("the directory for the control plane cannot be created: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(f.Cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("the lock of the control plane's directory cannot be opened: %w", err)
	}
	for said := false; ; said = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = file.Close()
			return nil, fmt.Errorf("%s cannot be locked: %w", file.Name(), err)
		}
		if !said {
			f.say("waiting for another process that is providing it (%s is locked)", file.Name())
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, stopped()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// stage creates an empty directory on the same file system as the cache and removes those left by killed processes. The caller holds the lock.
func (f *Finder) stage() (string, error) {
	left, _ := filepath.Glob(filepath.Join(f.Cache, stagePrefix+"*"))
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return "", fmt.Errorf("an unfinished control plane cannot be removed: %w", err)
		}
	}
	dir, err := os.MkdirTemp(f.Cache, stagePrefix)
	if err != nil {
		return "", fmt.Errorf("no directory for a new control plane: %w", err)
	}
	return dir, nil
}

// publish moves the binaries from a staged directory to their place by renames, so that a process can keep using an older one and no
// unfinished file is visible.
func publish(from, to string) (string, error) {
	if missing := missingIn(from); len(missing) > 0 {
		return "", fmt.Errorf("the new control plane has no %v", missing)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return "", err
	}
	for _, name := range Binaries {
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return "", fmt.Errorf("%s cannot be moved to its place: %w", name, err)
		}
	}
	return to, nil
}

func stopped() error { return errors.New("stopped; unfinished files were removed") }
