package payload

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSplit_KeepsEachByte(t *testing.T) {
	for file, want := range map[string][]string{
		"":                               {""},
		"a: 1\n":                         {"a: 1\n"},
		"a: 1\nb: 2\n---\nc: 3\n":        {"a: 1\nb: 2\n", "c: 3\n"},
		"--- # a comment\r\na: 1\n---":   {"", "a: 1\n", ""},
		"a: |\n  x\n---x\n--- y\nb: 2\n": {"a: |\n  x\n---x\n--- y\nb: 2\n"},
	} {
		var got []string
		docs := Split([]byte(file))
		for _, d := range docs {
			got = append(got, d.Text)
		}
		if !slices.Equal(got, want) || string(Join(docs)) != file {
			t.Errorf("%q is split into %q, and joined again it is %q", file, got, Join(docs))
		}
	}
}

func TestParse_ReadsOneMappingAndQuotesNothing(t *testing.T) {
	for text, want := range map[string]string{
		"a: {b: c, d: e}\nx: 1\n": "c", "a: {b: null}": "", "a: {b: [c]}": "", "a: [b]": "", "a: b": "", "": "none", "# a comment\n": "none", "- a\n": "none", "text": "none",
		"a: {b: CANARY": "wrong", "a: {b: c}\n--- x\n": "wrong", "a: {b: c}\n...\nb: 2\n": "wrong",
	} {
		doc, mapping, err := Parse(text)
		switch {
		case want == "wrong":
			if err == nil || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%q: %v", text, err)
			}
		case err != nil || (mapping == nil) != (want == "none") || (doc == nil) != (want == "none"):
			t.Errorf("%q: a mapping %v, %v", text, mapping != nil, err)
		case want != "none" && Text(mapping, "a", "b") != want:
			t.Errorf("%q has %q at its path, want %q", text, Text(mapping, "a", "b"), want)
		}
	}
	if Get(nil, "a") != nil || Text(nil) != "" {
		t.Error("there is something in nothing")
	}
	_, mapping, err := Parse("b: 1\na: 2\nc: a\n")
	if err != nil || Text(mapping, "a") != "2" || Get(mapping, "2") != nil {
		t.Errorf("a key is taken for a value: %q, %v", Text(mapping, "a"), err)
	}
}

func TestReadFile_ReadsFilesOfAReasonableSize(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, size int64) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if content, err := ReadFile(file("a.yaml", 16<<20)); err != nil || len(content) != 16<<20 || content[0] != 'x' {
		t.Errorf("the largest file has %d bytes, %v", len(content), err)
	}
	for path, says := range map[string]string{file("b.yml", 16<<20+1): "larger than 16 MiB", dir: "is not a file", filepath.Join(dir, "none"): "no such file"} {
		if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
	file("c.json", 1)
	file("d.txt", 1)
	if err := os.Mkdir(filepath.Join(dir, "e.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := Files(dir)
	if want := []string{filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yml"), filepath.Join(dir, "c.json")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("the files are %q, %v", got, err)
	}
	if _, err := Files(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there has files")
	}
}

func TestShown_IsHarmlessOnATerminal(t *testing.T) {
	for text, want := range map[string]string{
		"openshift-image-registry": "openshift-image-registry", "": `""`, "a\x1b[2J": `"a\x1b[2J"`, "\u0020a": `" a"`, `a"b`: `"a\"b"`,
		strings.Repeat("é", 80): strings.Repeat("é", 80), strings.Repeat("é", 81): strings.Repeat("é", 80) + "…",
	} {
		if got := Shown(text); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
}
