package awscreds

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	v1credentials "github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/google/go-cmp/cmp"
)

func TestRender_WritesTheKeysThatTheComponentsRead(t *testing.T) {
	c := Credential{AccessKeyID: "AK", SecretAccessKey: "sk/+=", SessionToken: "t/+=="}
	want := map[string][]byte{
		"aws_access_key_id":     []byte("AK"),
		"aws_secret_access_key": []byte("sk/+="),
		"aws_session_token":     []byte("t/+=="),
		"credentials":           []byte("[default]\naws_access_key_id = AK\naws_secret_access_key = sk/+=\naws_session_token = t/+==\n"),
	}
	if diff := cmp.Diff(want, Render(c)); diff != "" {
		t.Errorf("with a token (-want +got):\n%s", diff)
	}
	c.SessionToken = ""
	delete(want, "aws_session_token")
	want["credentials"] = []byte("[default]\naws_access_key_id = AK\naws_secret_access_key = sk/+=\n")
	if diff := cmp.Diff(want, Render(c)); diff != "" {
		t.Errorf("without a token (-want +got):\n%s", diff)
	}
}

func TestRender_WritesNoKeyThatKeysDoesNotName(t *testing.T) {
	got := slices.Sorted(maps.Keys(Render(example)))
	want := slices.Sorted(slices.Values(Keys()))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-Keys +Render):\n%s", diff)
	}
}

// The credentials that the SDKs must read back: tokens are base64, so / + = occur, = also at the end. The last holds every
// character that Validate lets through.
func roundTripCredentials() map[string]Credential {
	all := make([]byte, 0, 94)
	for b := byte('!'); b <= '~'; b++ {
		if safe(string(b)) {
			all = append(all, b)
		}
	}
	return map[string]Credential{
		"a token that ends in ==":         {AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", SessionToken: "IQoJb3JpZ2luX2VjE/////+abc/def=="},
		"no token":                        {AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "+/=ab+/=="},
		"a secret key that begins with =": {AccessKeyID: "ASIA1", SecretAccessKey: "==/x", SessionToken: "=:="},
		"every allowed character":         {AccessKeyID: string(all), SecretAccessKey: string(all), SessionToken: string(all)},
	}
}

func TestRender_IsReadBackByBothGenerationsOfTheSDK(t *testing.T) {
	for name, want := range roundTripCredentials() {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "credentials")
			if err := os.WriteFile(file, Render(want)[KeyCredentials], 0o600); err != nil {
				t.Fatal(err)
			}
			for how, read := range map[string]func(*testing.T, string) Credential{
				"aws-sdk-go-v2, as a credentials file": func(t *testing.T, f string) Credential { return readV2(t, []string{f}, []string{}) },
				"aws-sdk-go-v2, as a config file":      func(t *testing.T, f string) Credential { return readV2(t, []string{}, []string{f}) },
				"aws-sdk-go, as a shared config file":  readV1Session,
				"aws-sdk-go, as a credentials file":    readV1File,
			} {
				if got := read(t, file); !got.Same(want) {
					t.Errorf("%s reads back other values", how)
				}
			}
			got, err := Parse(Render(want))
			if err != nil || !got.Same(want) {
				t.Errorf("Parse(Render(c)) has other values, error %v", err)
			}
		})
	}
}

func readV2(t *testing.T, credentialsFiles, configFiles []string) Credential {
	t.Helper()
	profile, err := config.LoadSharedConfigProfile(context.Background(), "default", func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = credentialsFiles, configFiles
	})
	if err != nil {
		t.Fatalf("aws-sdk-go-v2 refuses the file: %v", err)
	}
	return Credential{
		AccessKeyID:     profile.Credentials.AccessKeyID,
		SecretAccessKey: profile.Credentials.SecretAccessKey,
		SessionToken:    profile.Credentials.SessionToken,
	}
}

// readV1Session reads as machine-api, the registry and ingress do through OpenShift 4.22.
func readV1Session(t *testing.T, file string) Credential {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	s, err := session.NewSessionWithOptions(session.Options{
		SharedConfigState: session.SharedConfigEnable,
		SharedConfigFiles: []string{file},
	})
	if err != nil {
		t.Fatalf("aws-sdk-go refuses the file: %v", err)
	}
	return fromV1(t, s.Config.Credentials)
}

func readV1File(t *testing.T, file string) Credential {
	t.Helper()
	return fromV1(t, v1credentials.NewSharedCredentials(file, "default"))
}

func fromV1(t *testing.T, c *v1credentials.Credentials) Credential {
	t.Helper()
	v, err := c.Get()
	if err != nil {
		t.Fatalf("aws-sdk-go refuses the file: %v", err)
	}
	return Credential{AccessKeyID: v.AccessKeyID, SecretAccessKey: v.SecretAccessKey, SessionToken: v.SessionToken}
}

func TestHash_ChangesWithWhatTheOperatorWritesAndWithNothingElse(t *testing.T) {
	key := []byte("a key as long as FIPS mode wants it")
	base := Hash(key, Render(example))
	with := func(change func(map[string][]byte)) map[string][]byte {
		data := Render(example)
		change(data)
		return data
	}
	for _, test := range []struct {
		name string
		key  []byte
		data map[string][]byte
		same bool
	}{
		{"the same data", key, Render(example), true},
		{"a foreign key beside them", key, with(func(d map[string][]byte) { d["role"] = []byte("r") }), true},
		{"another hash key", []byte("another one that is as long as that"), Render(example), false},
		{"an edited access key", key, with(func(d map[string][]byte) { d[KeyAccessKeyID] = []byte("x") }), false},
		{"an edited file", key, with(func(d map[string][]byte) { d[KeyCredentials] = append(d[KeyCredentials], '\n') }), false},
		{"a removed token", key, with(func(d map[string][]byte) { delete(d, KeySessionToken) }), false},
		{"an emptied token", key, with(func(d map[string][]byte) { d[KeySessionToken] = nil }), false},
		{"bytes moved from one key to the next", key, with(func(d map[string][]byte) {
			d[KeyAccessKeyID] = append(d[KeyAccessKeyID], d[KeySecretAccessKey][0])
			d[KeySecretAccessKey] = d[KeySecretAccessKey][1:]
		}), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Hash(test.key, test.data) == base; got != test.same {
				t.Errorf("same hash: %v, want %v", got, test.same)
			}
		})
	}
	removed := Hash(key, with(func(d map[string][]byte) { delete(d, KeySessionToken) }))
	emptied := Hash(key, with(func(d map[string][]byte) { d[KeySessionToken] = []byte{} }))
	if removed == emptied {
		t.Error("a removed key and an emptied key have the same hash")
	}
	other := Hash([]byte("another one that is as long as that"), Render(example))
	if base[:keyNameLength] != removed[:keyNameLength] || base[:keyNameLength] == other[:keyNameLength] {
		t.Error("hashes of one key and of two are not told apart")
	}
	// One value that looks like two keys, as far as a reader without lengths can tell.
	none := strings.Repeat("\x00", 8)
	two := map[string][]byte{KeyAccessKeyID: []byte("a"), KeySecretAccessKey: []byte("b")}
	one := map[string][]byte{KeyAccessKeyID: []byte("a" + none + KeySecretAccessKey + none + "b")}
	if Hash(key, two) == Hash(key, one) {
		t.Error("a value that contains the next key has the hash of both")
	}
}
