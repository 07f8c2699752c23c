package bootstrap

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-cmp/cmp"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

var (
	withToken    = awscreds.Credential{AccessKeyID: "ASIANEW", SecretAccessKey: "s/+=", SessionToken: "t/+=="}
	withoutToken = awscreds.Credential{AccessKeyID: "AKIANEW", SecretAccessKey: "s/+="}
)

func TestSetProfile_ChangesTheThreeKeysOfOneProfileAndNoOtherByte(t *testing.T) {
	for _, test := range []struct {
		name       string
		file       string
		credential awscreds.Credential
		want       string
	}{
		{"an empty file", "", withToken,
			"[gov]\naws_access_key_id = ASIANEW\naws_secret_access_key = s/+=\naws_session_token = t/+==\n"},
		{"a profile that is not there yet", "# mine\n[default]\naws_access_key_id=A\n", withoutToken,
			"# mine\n[default]\naws_access_key_id=A\n\n[gov]\naws_access_key_id = AKIANEW\naws_secret_access_key = s/+=\n"},
		{"a last line without an end", "[default]\nregion = x", withoutToken,
			"[default]\nregion = x\n\n[gov]\naws_access_key_id = AKIANEW\naws_secret_access_key = s/+=\n"},
		{"keys stay in their place, with their blanks and their letter case",
			"[a]\naws_access_key_id = A\n\n[ gov ] ; mine\nregion=us-iso-east-1\n# old\nAWS_ACCESS_KEY_ID=OLD\n  aws_secret_access_key :  OLD # c\naws_session_token = OLD\n\n# next\n[b]\naws_access_key_id = B\n", withToken,
			"[a]\naws_access_key_id = A\n\n[ gov ] ; mine\nregion=us-iso-east-1\n# old\nAWS_ACCESS_KEY_ID=ASIANEW\n  aws_secret_access_key :  s/+=\naws_session_token = t/+==\n\n# next\n[b]\naws_access_key_id = B\n"},
		{"an old token goes when there is no new one", "[gov]\naws_session_token = OLD\naws_access_key_id = OLD\naws_secret_access_key = OLD\n[b]\naws_session_token = B\n", withoutToken,
			"[gov]\naws_access_key_id = AKIANEW\naws_secret_access_key = s/+=\n[b]\naws_session_token = B\n"},
		{"missing keys come after the profile's last line and before comments on the next one", "[gov]\naws_access_key_id = OLD\nregion = x\n\n# about b\n[b]\n", withToken,
			"[gov]\naws_access_key_id = ASIANEW\nregion = x\naws_secret_access_key = s/+=\naws_session_token = t/+==\n\n# about b\n[b]\n"},
		{"a profile with nothing in it", "[gov]\n[b]\nregion = x\n", withoutToken,
			"[gov]\naws_access_key_id = AKIANEW\naws_secret_access_key = s/+=\n[b]\nregion = x\n"},
		{"doubled keys and a doubled profile have one value in the end", "[gov]\naws_access_key_id = 1\naws_access_key_id = 2\naws_secret_access_key = 3\n[b]\nx = y\n[gov]\naws_access_key_id = 4\n", withoutToken,
			"[gov]\naws_access_key_id = AKIANEW\naws_secret_access_key = s/+=\n[b]\nx = y\n[gov]\n"},
		{"a value over several lines goes as a whole, the next key stays", "[gov]\naws_session_token = abc\n  def==\n  ghi\nregion = x\naws_access_key_id = 1\naws_secret_access_key = 2\n", withToken,
			"[gov]\naws_session_token = t/+==\nregion = x\naws_access_key_id = ASIANEW\naws_secret_access_key = s/+=\n"},
		{"nested settings of other keys stay", "[gov]\ns3 =\n  max_queue_size = 5\naws_access_key_id = 1\n", withoutToken,
			"[gov]\ns3 =\n  max_queue_size = 5\naws_access_key_id = AKIANEW\naws_secret_access_key = s/+=\n"},
		{"line ends of Windows", "[b]\r\nregion = x\r\n[gov]\r\naws_access_key_id = 1\r\n", withoutToken,
			"[b]\r\nregion = x\r\n[gov]\r\naws_access_key_id = AKIANEW\r\naws_secret_access_key = s/+=\r\n"},
		{"a profile whose name contains the wanted one", "[gov-2]\naws_access_key_id = 1\n[profile gov]\naws_access_key_id = 2\n", withoutToken,
			"[gov-2]\naws_access_key_id = 1\n[profile gov]\naws_access_key_id = 2\n\n[gov]\naws_access_key_id = AKIANEW\naws_secret_access_key = s/+=\n"},
		{"a name without the end of its line", "[gov]", withoutToken, "[gov]\naws_access_key_id = AKIANEW\naws_secret_access_key = s/+=\n"},
		{"settings of nothing stay", "[gov]\nregion=\n  output=\naws_access_key_id = 1\nca_bundle=\naws_session_token = 2\n  cli_pager =\n", withoutToken,
			"[gov]\nregion=\n  output=\naws_access_key_id = AKIANEW\nca_bundle=\n  cli_pager =\naws_secret_access_key = s/+=\n"},
		{"the end of another value stays, as does what is no setting", "[gov]\nregion = x\n  y z\n\n  more\naws_access_key_id = 1\nno setting\n", withoutToken,
			"[gov]\nregion = x\n  y z\n\n  more\naws_access_key_id = AKIANEW\nno setting\naws_secret_access_key = s/+=\n"},
		{"the end of a value goes, whatever is before it", "[gov]\naws_access_key_id = 1\n\n\tend\naws_secret_access_key = 2\nno setting\n  end\n# c\n  end\n", withoutToken,
			"[gov]\naws_access_key_id = AKIANEW\n\naws_secret_access_key = s/+=\nno setting\n# c\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := setProfile([]byte(test.file), "gov", test.credential)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if again, err := setProfile(got, "gov", test.credential); err != nil || string(again) != string(got) {
				t.Errorf("done twice, the file changes again (%v)", err)
			}
			requireProfile(t, got, "gov", test.credential)
		})
	}
}

func TestSetProfile_RefusesNamesAndCredentialsThatWouldChangeTheFilesMeaning(t *testing.T) {
	for _, name := range []string{"", "a]", "a\nb", "#a", " a", "a;b", "[a", `a"`} {
		if _, err := setProfile(nil, name, withToken); err == nil {
			t.Errorf("profile %q is accepted", name)
		}
	}
	if _, err := setProfile(nil, "a", awscreds.Credential{AccessKeyID: "A\nb = c", SecretAccessKey: "s"}); err == nil {
		t.Error("a credential with a newline is accepted")
	}
}

// requireProfile reads the file as the AWS SDK does.
func requireProfile(t *testing.T, file []byte, profile string, want awscreds.Credential) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := config.LoadSharedConfigProfile(context.Background(), profile, func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{path}, []string{}
	})
	if err != nil {
		t.Fatalf("the SDK refuses the file: %v", err)
	}
	got := awscreds.Credential{AccessKeyID: read.Credentials.AccessKeyID, SecretAccessKey: read.Credentials.SecretAccessKey, SessionToken: read.Credentials.SessionToken}
	if !got.Same(want) {
		t.Errorf("the SDK reads another credential from\n%s", file)
	}
}

// FuzzSetProfile: whatever the file was, all lines without one of the three keys survive in their order, and the result is idempotent.
func FuzzSetProfile(f *testing.F) {
	f.Add("# c\n[default]\naws_access_key_id = A\n\n[gov]\nregion = x\n")
	f.Add("[gov]\r\naws_session_token = a\r\n  b\r\n")
	f.Add("[gov] # x\n\taws_access_key_id:1\n[gov]\naws_secret_access_key==")
	f.Fuzz(func(t *testing.T, file string) {
		got, err := setProfile([]byte(file), "gov", withToken)
		if err != nil {
			t.Fatal(err)
		}
		again, err := setProfile(got, "gov", withToken)
		if err != nil || string(again) != string(got) {
			t.Errorf("done twice, %q becomes %q and then %q", file, got, again)
		}
		rest := string(got)
		for line := range strings.Lines(file) {
			lower := strings.ToLower(line)
			comment := strings.HasPrefix(strings.TrimSpace(line), "#")
			if strings.Contains(lower, "aws_") || !comment && (line[0] == ' ' || line[0] == '\t') {
				continue // ours, or perhaps the rest of one of ours
			}
			_, after, found := strings.Cut(rest, strings.TrimRight(line, "\r\n"))
			if !found {
				t.Fatalf("%q has lost the line %q: %q", file, line, got)
			}
			rest = after
		}
	})
}
