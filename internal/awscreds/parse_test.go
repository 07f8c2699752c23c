package awscreds

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
)

func TestParse_ReadsWhatTheComponentsWouldUse(t *testing.T) {
	keys := map[string][]byte{KeyAccessKeyID: []byte("plainID"), KeySecretAccessKey: []byte("plainSecret"), KeySessionToken: []byte("plainToken")}
	withFile := func(file string) map[string][]byte {
		data := map[string][]byte{KeyCredentials: []byte(file)}
		for k, v := range keys {
			data[k] = v
		}
		return data
	}
	for _, test := range []struct {
		name string
		data map[string][]byte
		want Credential
		err  error
	}{
		{name: "the file counts before the plain keys",
			data: withFile("[default]\naws_access_key_id = ID\naws_secret_access_key = S\naws_session_token = T/+==\n"),
			want: Credential{AccessKeyID: "ID", SecretAccessKey: "S", SessionToken: "T/+=="}},
		{name: "without a file the plain keys count, and the plain token does not, because no component reads it",
			data: keys, want: Credential{AccessKeyID: "plainID", SecretAccessKey: "plainSecret"}},
		{name: "an empty file is no file", data: withFile(""), want: Credential{AccessKeyID: "plainID", SecretAccessKey: "plainSecret"}},
		{name: "a file with empty values hides the plain keys, as it does for the components",
			data: withFile("[default]\naws_access_key_id = \naws_secret_access_key = \n"), err: ErrNoCredential},
		{name: "another profile is not read", data: withFile("[other]\naws_access_key_id = ID\naws_secret_access_key = S\n"), err: ErrNoCredential},
		{name: "comments, blanks, quotes, letter case and other profiles",
			data: withFile("# c\n[other]\naws_access_key_id = O\n\n ; c\n[ default ] # c\nAWS_Access_Key_ID=\"ID\"\naws_secret_access_key:S #c\nregion = us-iso-east-1\n[other]\naws_secret_access_key = O"),
			want: Credential{AccessKeyID: "ID", SecretAccessKey: "S"}},
		{name: "line ends of Windows", data: withFile("[default]\r\naws_access_key_id = ID\r\naws_secret_access_key = S\r\n"),
			want: Credential{AccessKeyID: "ID", SecretAccessKey: "S"}},
		{name: "the last of two equal keys", data: withFile("[default]\naws_access_key_id = A\naws_secret_access_key = S\naws_access_key_id = B\n"),
			want: Credential{AccessKeyID: "B", SecretAccessKey: "S"}},
		{name: "an expiry that a portal wrote",
			data: withFile("[default]\naws_access_key_id = A\naws_secret_access_key = S\naws_token_expiration = 2024-09-18T18:00:01Z\n"),
			want: Credential{AccessKeyID: "A", SecretAccessKey: "S", Expiry: ToldExpiry(time.Date(2024, 9, 18, 18, 0, 1, 0, time.UTC))}},
		{name: "a temporary key without its token, which AWS accepts from nobody",
			data: withFile("[default]\naws_access_key_id = ASIA1\naws_secret_access_key = S\n"), err: ErrNoCredential},
		{name: "a temporary key whose token is where no component reads it",
			data: map[string][]byte{KeyAccessKeyID: []byte("ASIA1"), KeySecretAccessKey: []byte("S"), KeySessionToken: []byte("T")}, err: ErrNoCredential},
		{name: "a value that goes on in the next line", data: withFile("[default]\naws_access_key_id = A\n  B\naws_secret_access_key = S\n"), err: ErrUnsafe},
		{name: "comments in the profile", data: withFile("[default]\naws_access_key_id = A\naws_secret_access_key = S\n  # c\n\t; c\n"),
			want: Credential{AccessKeyID: "A", SecretAccessKey: "S"}},
		{name: "a value that goes on after a tab", data: withFile("[default]\naws_access_key_id = A\n\tB\naws_secret_access_key = S\n"), err: ErrUnsafe},
		{name: "an empty value before the others", data: withFile("[default]\naws_session_token =\naws_access_key_id = A\naws_secret_access_key = S\n"),
			want: Credential{AccessKeyID: "A", SecretAccessKey: "S"}},
		{name: "an indented first key", data: withFile("[default]\n  aws_access_key_id = A\naws_secret_access_key = S\n"),
			want: Credential{AccessKeyID: "A", SecretAccessKey: "S"}},
		{name: "a line that is no key", data: withFile("[default]\naws_access_key_id = A\naws_secret_access_key = S\nwhat is this\n"),
			want: Credential{AccessKeyID: "A", SecretAccessKey: "S"}},
		{name: "web identity, as cloud-credential-operator writes for STS clusters",
			data: withFile("[default]\nsts_regional_endpoints = regional\nrole_arn = arn:aws:iam::1:role/x\nweb_identity_token_file = /t\n"), err: ErrNoCredential},
		{name: "nothing", data: nil, err: ErrNoCredential},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse(test.data)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if !got.Same(test.want) || got.Expiry != test.want.Expiry {
				t.Errorf("read other values than wanted")
			}
		})
	}
}

// FuzzParse compares with aws-sdk-go-v2 itself: what Parse accepts, the SDK reads as the same credential. The reverse need not
// hold, because Parse also refuses values that are unsafe to write again.
func FuzzParse(f *testing.F) {
	for _, c := range roundTripCredentials() {
		f.Add(string(Render(c)[KeyCredentials]))
	}
	f.Add("[default]\naws_access_key_id = A\n  B\naws_secret_access_key = S\n")
	f.Add("[default]\naws_access_key_id =\n aws_secret_access_key = S\n[default]\naws_access_key_id: 'x'\r\n")
	f.Add(" [ default ] ; c\n\tAWS_ACCESS_KEY_ID = \"A\nb\"\naws_secret_access_key = S\t;c\n")
	file := filepath.Join(f.TempDir(), "credentials")
	f.Fuzz(func(t *testing.T, content string) {
		got, err := Parse(map[string][]byte{KeyCredentials: []byte(content)})
		if err != nil {
			if len(content) > 0 && strings.Contains(err.Error(), content) && len(content) > 8 {
				t.Errorf("the error holds the content")
			}
			return
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		profile, err := config.LoadSharedConfigProfile(context.Background(), "default", func(o *config.LoadSharedConfigOptions) {
			o.CredentialsFiles, o.ConfigFiles = []string{file}, []string{}
		})
		if err != nil {
			return // the SDK also refuses what has nothing to do with the credential, such as a bad duration
		}
		sdk := Credential{AccessKeyID: profile.Credentials.AccessKeyID, SecretAccessKey: profile.Credentials.SecretAccessKey, SessionToken: profile.Credentials.SessionToken}
		if !got.Same(sdk) {
			t.Errorf("Parse and aws-sdk-go-v2 read different credentials from %q", content)
		}
	})
}

func TestSectionName_IsBetweenBothBrackets(t *testing.T) {
	for line, want := range map[string]string{"[a]": "a", "[]": "", "[ a ] # c": "a", "[a];": "a"} {
		if got, ok := sectionName(line); !ok || got != want {
			t.Errorf("%q is read as %q, %v", line, got, ok)
		}
	}
	for _, line := range []string{"", "a", "[", "]", "[a", "a]"} {
		if got, ok := sectionName(line); ok {
			t.Errorf("%q is read as %q", line, got)
		}
	}
}

func TestProperty_MayHaveAnEmptyNameOrValue(t *testing.T) {
	for line, want := range map[string][2]string{"= x": {"", "x"}, `a = ""`: {"a", ""}, "a = ''": {"a", ""}, `a = "`: {"a", `"`}} {
		if key, value, ok := property(line); !ok || key != want[0] || value != want[1] {
			t.Errorf("%q is read as %q and %q, %v", line, key, value, ok)
		}
	}
}
