package facts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRead_TakesTheFileOfTheCheckout(t *testing.T) {
	f, err := Read("../release.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string][]string{"0.1.0": {"candidate", "stable-v0"}, "0.2.0-rc.1": {"candidate"}} {
		if got, err := f.ChannelsOf(version); err != nil || !slices.Equal(got, want) {
			t.Errorf("the channels of %s are %v (%v), want %v", version, got, err, want)
		}
	}
}

func TestRead_RefusesWhatIsMissingOrAPlaceholder(t *testing.T) {
	raw, err := os.ReadFile("../release.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ old, new, want string }{
		{"email: credential-rotation-operator@users.noreply.github.com", "email: me@example.com", "is a placeholder"},
		{"email: credential-rotation-operator@users.noreply.github.com", "email: nobody", "needs a name and an address"},
		{"image: quay.io/openshift/credential-rotation-operator\n", "image: REPLACE_IMAGE\n", "is a placeholder"},
		{"support: https://", "support: http://", "is not an https link"},
		{"repository: ", "repositories: ", "unknown field"},
		{"createdAt:", "#", "createdAt"},
		{"defaultChannel: stable-v0", "defaultChannel: stable", "default channel"},
		{"kubernetes: 1.27.0", "kubernetes: \"\"", "kubernetes is missing"},
	} {
		changed := strings.Replace(string(raw), row.old, row.new, 1)
		if changed == string(raw) {
			t.Fatalf("release.yaml has no %q", row.old)
		}
		file := filepath.Join(t.TempDir(), "release.yaml")
		if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(file); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("with %q: %v, want %q", row.new, err, row.want)
		}
	}
}
