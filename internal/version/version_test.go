package version

import (
	"bytes"
	"runtime/debug"
	"strings"
	"testing"
)

func TestFromBuildInfo_PrefersTheModuleVersionThenTheCommit(t *testing.T) {
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0123abcd"}
	for _, tc := range []struct {
		name string
		info *debug.BuildInfo
		want string
	}{
		{"installed as a module", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{commit}}, "v1.2.3"},
		{"built in a checkout", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{commit}}, "0123abcd"},
		{"built without version control", &debug.BuildInfo{}, "devel"},
		{"built with nothing recorded", nil, "devel"},
		{"built by an old go command", &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, commit}}, "0123abcd"},
		{"built with an empty commit", &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision"}}}, "devel"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := fromBuildInfo(tc.info); got != tc.want {
				t.Errorf("fromBuildInfo = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestNewCommand_PrintsTheStampedVersionInOneLine(t *testing.T) {
	defer func(v string) { version = v }(version)
	version = "v9.9.9"
	var out bytes.Buffer
	cmd := NewCommand()
	cmd.SetOut(&out)
	cmd.SetArgs([]string{}) // nil means those of the process
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "credential-rotation-operator v9.9.9 go") || strings.Count(got, "\n") != 1 {
		t.Errorf("version printed %q", got)
	}
	if got := UserAgent(); got != "credential-rotation-operator/v9.9.9" {
		t.Errorf("UserAgent = %q", got)
	}
}

func TestString_WithoutAStampIsWhatTheGoCommandRecorded(t *testing.T) {
	defer func(v string) { version = v }(version)
	version = ""
	if info, ok := debug.ReadBuildInfo(); !ok || String() != fromBuildInfo(info) {
		t.Errorf("String = %q", String())
	}
}
