package attest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// SumsFile is the name of the file with the checksums, in the form of sha256sum.
const SumsFile = "SHA256SUMS"

// Sum is the checksum of a file.
type Sum struct{ Name, SHA256 string }

// Sums are those of all files below a folder, by name.
func Sums(folder string) ([]Sum, error) {
	var all []Sum
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil || strings.HasPrefix(name, SumsFile) {
			return err
		}
		sum, err := sumOf(path)
		all = append(all, Sum{filepath.ToSlash(name), sum})
		return err
	})
	return all, err
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // it was read only
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// WriteSums writes the file with the checksums of everything below the folder.
func WriteSums(folder string) error {
	sums, err := Sums(folder)
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, s := range sums {
		fmt.Fprintf(&out, "%s  %s\n", s.SHA256, s.Name)
	}
	return os.WriteFile(filepath.Join(folder, SumsFile), []byte(out.String()), 0o644)
}

// VerifySums finds files that changed, are missing or were added.
func VerifySums(folder string) error {
	raw, err := os.ReadFile(filepath.Join(folder, SumsFile))
	if err != nil {
		return err
	}
	want := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		want[name] = sum
	}
	have, err := Sums(folder)
	if err != nil {
		return err
	}
	for _, s := range have {
		if want[s.Name] != s.SHA256 {
			return fmt.Errorf("%s does not match %s", s.Name, SumsFile)
		}
		delete(want, s.Name)
	}
	for name := range want {
		return fmt.Errorf("%s is missing", name)
	}
	return nil
}
