package payload

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// ReadFile reads a file that a person wrote. The limit keeps a wrong path, such as a disk image, out of memory.
func ReadFile(path string) ([]byte, error) {
	const limit = 16 << 20
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, limit>>20)
	}
	return os.ReadFile(path)
}

// Files are the YAML and JSON files of a directory, in order of their names.
func Files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".yaml", ".yml", ".json":
			if !e.IsDir() {
				paths = append(paths, filepath.Join(dir, e.Name()))
			}
		}
	}
	return paths, nil
}

// Shown quotes foreign text, such as a name in a manifest, so that it is harmless on a terminal.
func Shown(text string) string {
	const most = 80
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == '"' }) || strings.TrimSpace(text) != text {
		return fmt.Sprintf("%q", text)
	}
	return text
}
