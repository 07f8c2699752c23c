package bootstrap

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

// directly runs seed with its own request to the portal.
const directly = `credential-rotation-operator seed --profile cap --role ` + installRole + ` --url "$CAP_URL" --agency "$AGENCY" --mission "$MISSION" --cert cap.pem --key cap.key --ca ca-chain.cert.pem`

// On any response other than a credential, from standard input or its own request, seed fails, names the kind of response, prints nothing of
// it, and changes no file.
func TestSeed_AnInvalidResponseChangesNothing(t *testing.T) {
	portal := newPortal(t)
	for _, tc := range []struct {
		fault cap.FaultKind
		// piped and direct are in the error if the response comes from standard input or from seed's own request.
		piped, direct string
	}{
		{cap.FaultHTML, "is a page instead of JSON", "AuthenticationRefused"},
		{cap.FaultBadRequest, "RequestRejected", "RequestRejected"},
		{cap.FaultExpired, "CredentialExpired", "CredentialExpired"},
		{cap.FaultEmpty, "is empty", "MalformedCredential"},
		{cap.FaultEmptyKeys, "MalformedCredential", "MalformedCredential"},
		{cap.FaultNewline, "UnsafeCredential", "UnsafeCredential"},
		{cap.FaultServerError, "CAPUnavailable", "CAPUnavailable"},
	} {
		t.Run(string(tc.fault), func(t *testing.T) {
			shell := newShell(t)
			portal.writeFiles(shell)
			for name, value := range portal.values() {
				shell.env = append(shell.env, name+"="+value)
			}
			copyLegacyManifests(t, shell, portal)
			shell.run(directly)
			before := files(t, shell.dir, shell.home)

			fault := cap.Fault{Kind: tc.fault}
			if tc.fault == cap.FaultNewline {
				fault.Field = "SessionToken"
			}
			must(t, portal.Break(fault))
			defer portal.Heal()
			body := answer(t, portal, shell)
			// The bodies of some invalid responses contain a secret too, such as that of an expired credential.
			for way, try := range map[string]struct {
				script, want string
				stdin        []byte
			}{
				"piped":  {"credential-rotation-operator seed --profile cap", tc.piped, body},
				"direct": {directly, tc.direct, nil},
			} {
				out, err := shell.try(try.script, try.stdin)
				if err == nil {
					t.Errorf("%s: seed accepted an invalid response", way)
				}
				if !strings.Contains(out, try.want) {
					t.Errorf("%s: the error is %q, want %q in it", way, out, try.want)
				}
			}
			if diff := cmp.Diff(before, files(t, shell.dir, shell.home)); diff != "" {
				t.Errorf("files have changed:\n%s", diff)
			}
			shell.wantNoSecrets(portal.canaries())
		})
	}
}

// seed replaces `curl $CAP_URL | profile=... hack/get_cap_token.sh`, on that project's own manifests and without an existing
// credentials file.
func TestSeed_FillsTheManifestsOfCapTokenRefresh(t *testing.T) {
	portal, shell := newPortal(t), newShell(t)
	portal.writeFiles(shell)
	copyLegacyManifests(t, shell, portal)
	before := files(t, shell.dir)
	out, err := shell.try("credential-rotation-operator seed --profile cap", answer(t, portal, shell))
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	after := files(t, shell.dir)
	for name, content := range before {
		switch filled := after[name]; {
		case !strings.HasSuffix(name, "-secret.yaml"):
			if filled != content {
				t.Errorf("%s has changed", name)
			}
		case strings.Contains(filled, "YourID") || strings.Contains(filled, "YourSecret"):
			t.Errorf("%s still has an example value", name)
		case !strings.Contains(filled, "# The IAM role of this CredentialsRequest.\n  role: OpenShift") || !strings.Contains(filled, "aws_session_token = "):
			t.Errorf("%s does not have the role with its comment, or the session token", name)
		}
	}
	profile, err := os.ReadFile(filepath.Join(shell.home, ".aws", "credentials"))
	must(t, err)
	if !strings.HasPrefix(string(profile), "[cap]\naws_access_key_id = ASIA") {
		t.Errorf("the new credentials file begins with %.30q", profile)
	}
	wantMode(t, filepath.Join(shell.home, ".aws"), 0o700)
	wantMode(t, filepath.Join(shell.home, ".aws", "credentials"), 0o600)
	for _, name := range []string{"cap-ebs-secret.yaml", "cap-machine-api-secret.yaml"} {
		wantMode(t, shell.path("manifests", name), 0o600)
	}
	shell.wantNoSecrets(portal.canaries())
}

// answer is CAP's current response, as from curl without --fail.
func answer(t *testing.T, portal *portal, shell *shell) []byte {
	t.Helper()
	resp, err := askCAP(portal.Endpoint(cap.C2S)+"?"+portal.Query(cap.C2S, installRole).Encode(), shell.path("cap.pem"), shell.path("cap.key"), shell.path("ca-chain.cert.pem"))
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return body
}

// copyLegacyManifests puts the manifests of cap-token-refresh into the directory "manifests", with the portal's values.
func copyLegacyManifests(t testing.TB, shell *shell, portal *portal) {
	t.Helper()
	source := filepath.Join("testdata", "cap-token-refresh")
	entries, err := os.ReadDir(source)
	must(t, err)
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(source, e.Name()))
		must(t, err)
		text := string(content)
		for name, value := range portal.values() {
			text = strings.ReplaceAll(text, "@"+name+"@", value)
		}
		shell.write(filepath.Join("manifests", e.Name()), []byte(text))
	}
}

// files are the contents of all files below some directories, with their modes.
func files(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, dir := range dirs {
		must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			content, err := os.ReadFile(path)
			all[path] = info.Mode().String() + "\n" + string(content)
			return err
		}))
	}
	return all
}
