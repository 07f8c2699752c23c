package bootstrap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	// secretMode is for files that hold a credential or a private key.
	secretMode fs.FileMode = 0o600
	// plainMode is for all others.
	plainMode fs.FileMode = 0o644
)

// change is one file to write.
type change struct {
	path    string
	content []byte
	mode    fs.FileMode
}

// apply writes all files. It first writes each to a temporary file beside its target and then renames them all, so that a full disk or a missing
// right changes nothing, and nobody ever sees half a file.
func apply(changes []change) error {
	var staged []string
	defer func() {
		for _, name := range staged {
			_ = os.Remove(name) // renamed files are already gone
		}
	}()
	targets := make([]string, len(changes))
	for i, c := range changes {
		target, err := resolve(c.path)
		if err != nil {
			return err
		}
		name, err := stage(target, c)
		if name != "" {
			staged = append(staged, name)
		}
		if err != nil {
			return err
		}
		targets[i] = target
	}
	for i := range changes {
		if err := os.Rename(staged[i], targets[i]); err != nil {
			return fmt.Errorf("%d of %d files were written: %w", i, len(changes), err)
		}
	}
	return nil
}

// resolve follows a symbolic link, so that the file behind it is replaced and not the link, even if the file does not exist yet.
func resolve(path string) (string, error) {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return dangling(path), nil
	}
	return target, err
}

// dangling is the target of a link to a missing file, or else the path itself.
func dangling(path string) string {
	link, err := os.Readlink(path)
	switch {
	case err != nil:
		return path
	case filepath.IsAbs(link):
		return link
	default:
		return filepath.Join(filepath.Dir(path), link)
	}
}

// stage writes the content to a temporary file beside the target.
func stage(target string, c change) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*") // with mode 0600
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Chmod(c.mode); err != nil {
		return f.Name(), err
	}
	_, err = f.Write(c.content)
	return f.Name(), errors.Join(err, f.Sync())
}
