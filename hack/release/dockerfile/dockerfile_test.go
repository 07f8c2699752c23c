package dockerfile

import (
	"strings"
	"testing"
)

func TestRead_IsTheLastStageWithItsArguments(t *testing.T) {
	stage, err := parse("ARG BASE=ubi:latest\nFROM go AS builder\nRUN go build\nFROM ${BASE}\nARG V=devel\nLABEL a=\"x ${V}\" \\\n      b=$V\nCOPY --from=builder /in /out\nUSER 1:1\nENTRYPOINT [\"/out\"]\n",
		map[string]string{"BASE": "scratch", "V": "v1"})
	if err != nil {
		t.Fatal(err)
	}
	if stage.Base != "scratch" || stage.Labels["a"] != "x v1" || stage.Labels["b"] != "v1" || stage.User != "1:1" || stage.Entrypoint[0] != "/out" {
		t.Errorf("%+v", stage)
	}
	if len(stage.Copies) != 1 || stage.Copies[0] != (Copy{"builder", "/in", "/out"}) {
		t.Errorf("%+v", stage.Copies)
	}
}

func TestRead_RefusesWhatItCannotDo(t *testing.T) {
	for text, want := range map[string]string{
		"FROM a\nRUN dnf install x\n":           "only a container engine",
		"FROM a\nLABEL a=$B\n":                  "is not an ARG",
		"FROM $B\n":                             "is not an ARG",
		"FROM a\nCOPY --chown=1 a b\n":          "--chown=1",
		"FROM a\nCOPY a b c\n":                  "3 words",
		"LABEL a=b\n":                           "before the first FROM",
		"# nothing\n":                           "no FROM",
		"FROM a\nENTRYPOINT /bin/sh -c thing\n": "invalid character",
		"FROM a\nENV A=b\n":                     "only a container engine",
	} {
		if _, err := parse(text, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
