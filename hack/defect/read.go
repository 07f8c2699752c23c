package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// defect is one file: what it was, which test finds it now, and the code with the mend and without it.
type defect struct {
	title, class, mended string
	pkg, run, file       string
	now, then            string
}

// read parses a file: lines "name: value", then the code after "-- now --" and "-- then --".
func read(path string) (defect, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return defect{}, err
	}
	head, code, found := strings.Cut(string(content), "-- now --\n")
	var d defect
	var split bool
	d.now, d.then, split = strings.Cut(code, "-- then --\n")
	fields := map[string]*string{"defect": &d.title, "class": &d.class, "mended": &d.mended, "package": &d.pkg, "test": &d.run, "file": &d.file}
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		field, known := fields[name]
		if !known || value == "" {
			return d, fmt.Errorf("%s: what is %q?", path, name)
		}
		*field = value
		delete(fields, name)
	}
	if !found || !split || len(fields) > 0 || d.now == d.then {
		return d, fmt.Errorf("%s is not complete", path)
	}
	return d, nil
}

// takeBack gives the source without the mend, which must be in it once.
func (d defect) takeBack(source []byte) ([]byte, error) {
	if n := bytes.Count(source, []byte(d.now)); n != 1 {
		return nil, fmt.Errorf("the mend is %d times in %s: the code has changed, so the defect must be described anew", n, d.file)
	}
	return bytes.Replace(source, []byte(d.now), []byte(d.then), 1), nil
}
