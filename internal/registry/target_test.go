package registry

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestHost_OfKeysAsPullSecretsHaveThem(t *testing.T) {
	for key, want := range map[string]string{
		"quay.io":                     "quay.io",
		"quay.io/org":                 "quay.io",
		"quay.io/org/repo":            "quay.io",
		"mirror.example.com:5000":     "mirror.example.com:5000",
		"mirror.example.com:5000/a":   "mirror.example.com:5000",
		"[fd00::1]:5000/a":            "[fd00::1]:5000",
		"https://mirror.example.com":  "mirror.example.com",
		"https://index.docker.io/v1/": "index.docker.io",
		"index.docker.io":             "index.docker.io",
		"docker.io":                   "index.docker.io",
		"docker.io/library":           "index.docker.io",
		"registry-1.docker.io":        "index.docker.io",
		"":                            "",
	} {
		if got := Host(key); got != want {
			t.Errorf("%q: got %q, want %q", key, got, want)
		}
	}
}

func TestParse_TakesAnImageOfTheSameRegistryOnly(t *testing.T) {
	const digest = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	tests := []struct {
		key, image string
		// want is the full name of the image, empty when it is refused.
		want string
	}{
		{"quay.io", "quay.io/openshift-release-dev/ocp-release" + digest, "quay.io/openshift-release-dev/ocp-release" + digest},
		{"quay.io/org", "quay.io/org/app", "quay.io/org/app:latest"},
		{"https://index.docker.io/v1/", "library/busybox:1", "index.docker.io/library/busybox:1"},
		{"docker.io", "docker.io/library/busybox:1", "index.docker.io/library/busybox:1"},
		{"[fd00::1]:5000", "[fd00::1]:5000/a:1", "[fd00::1]:5000/a:1"},
		{"registry.redhat.io", "quay.io/org/app:1", ""},
		{"quay.io:8443", "quay.io/org/app:1", ""},
		{"quay.io", "Not An Image", ""},
		{"user@quay.io", "", ""},
	}
	for _, test := range tests {
		got, err := parse(test.key, test.image)
		if test.want == "" {
			if err == nil {
				t.Errorf("%s for %s: accepted", test.image, test.key)
			}
			continue
		}
		if err != nil || got.image.Name() != test.want {
			t.Errorf("%s for %s: got %v, %v", test.image, test.key, got.image, err)
		}
	}
}

func TestCheck_PrintsWithoutItsPassword(t *testing.T) {
	check := Check{Registry: "quay.io", Image: "quay.io/a/b", Username: "CANARY", Password: "CANARY"}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "check", check)
	marshalled, _ := json.Marshal([]any{check, &check})
	text := fmt.Sprintf("%v %+v %#v %s %v", check, check, check, &check, []Check{check}) + logged.String() + string(marshalled)
	if strings.Contains(text, "CANARY") || !strings.Contains(text, "quay.io/a/b") {
		t.Errorf("got %s", text)
	}
}
