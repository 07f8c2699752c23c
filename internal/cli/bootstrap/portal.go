package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/payload"
)

// portal holds the flags about a C2S Access Portal, named as in the CAPCredentialSet.
type portal struct {
	URL, Dialect, Agency, Mission string
	ExtraParameters               map[string]string
	Certificate, Key, CA          string // paths
	Timeout                       time.Duration
}

// defaultPortalTimeout is that of the API.
const defaultPortalTimeout = 30 * time.Second

func (p *portal) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&p.URL, "url", "", "URL of CAP's API, without query")
	flags.StringVar(&p.Dialect, "dialect", string(cap.C2S), "names of the query parameters: C2S (mission, role) or SC2S (accountName, roleName)")
	flags.StringVar(&p.Agency, "agency", "", "agency, as CAP knows it")
	flags.StringVar(&p.Mission, "mission", "", "mission (C2S) or account name (SC2S)")
	flags.StringToStringVar(&p.ExtraParameters, "extra-parameter", nil, "name=value to add to the query (repeatable)")
	flags.StringVar(&p.Certificate, "cert", "", "file with the client certificate, PEM")
	flags.StringVar(&p.Key, "key", "", "file with its private key, PEM, not encrypted")
	flags.StringVar(&p.CA, "ca", "", "file with the CAs of CAP's server certificate, PEM, which replace the system's")
	flags.DurationVar(&p.Timeout, "timeout", defaultPortalTimeout, "time limit of one request")
	dialects := []string{string(cap.C2S), string(cap.SC2S)}
	_ = cmd.RegisterFlagCompletionFunc("dialect", cobra.FixedCompletions(dialects, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

// certificateData is the data of the Secret with the client certificate.
func (p *portal) certificateData() (map[string][]byte, error) {
	if p.Certificate == "" || p.Key == "" {
		return nil, errors.New("--cert and --key are needed")
	}
	data := map[string][]byte{}
	for key, path := range map[string]string{"tls.crt": p.Certificate, "tls.key": p.Key, "ca.crt": p.CA} {
		if path == "" {
			continue
		}
		content, err := payload.ReadFile(path)
		if err != nil {
			return nil, err
		}
		data[key] = content
	}
	return data, nil
}

// load checks the flags and makes a client. It also returns the certificate's data and any warnings.
func (p *portal) load(c clock.PassiveClock) (client *cap.Client, data map[string][]byte, warning string, err error) {
	if strings.Contains(p.URL, "?") {
		return nil, nil, "", errors.New("--url must have no query: use the flags for agency, mission and role, and --extra-parameter for others")
	}
	data, err = p.certificateData()
	if err != nil {
		return nil, nil, "", err
	}
	certificate, bad := cap.LoadClientCertificate(data, c.Now())
	if bad != nil {
		// The message names the keys of a Secret; here they are files.
		names := strings.NewReplacer("tls.crt", p.Certificate, "tls.key", p.Key, "ca.crt", p.CA)
		return nil, nil, "", fmt.Errorf("the client certificate: %s: %s", bad.Reason, names.Replace(bad.Message))
	}
	if certificate.ExpiringSoon(c.Now()) {
		warning = "the client certificate expires at " + certificate.NotAfter.UTC().Format(time.RFC3339)
	}
	client, err = cap.New(cap.Config{
		URL: p.URL, Dialect: cap.Dialect(p.Dialect), Agency: p.Agency, Mission: p.Mission, ExtraParameters: p.ExtraParameters,
		Certificate: certificate.TLS, RootCAs: certificate.RootCAs, Timeout: p.Timeout, Proxy: http.ProxyFromEnvironment, Clock: c,
	})
	return client, data, warning, err
}

// fetchAll fetches each role once. All must succeed: the error names every role that failed.
func fetchAll(ctx context.Context, client *cap.Client, roles []string) (map[string]awscreds.Credential, error) {
	credentials := map[string]awscreds.Credential{}
	var bad []error
	sort.Strings(roles)
	for _, role := range roles {
		if _, known := credentials[role]; known {
			continue
		}
		c, err := client.Fetch(ctx, role)
		if err != nil {
			bad = append(bad, fmt.Errorf("role %s: %s", role, beforeThereIsACluster(err.Error())))
		}
		credentials[role] = c
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	return credentials, nil
}

// clockWarning warns if CAP's clock and this machine's disagree; empty if they agree.
func clockWarning(client *cap.Client) string {
	skew, _ := client.Skew()
	if skew == 0 {
		return ""
	}
	return fmt.Sprintf("CAP's clock is %s this machine's, so one of the two is wrong; expiries are shown by this machine's clock", cap.DescribeSkew(skew))
}

// readAnswer judges an answer of CAP from standard input, as in `curl ... | credential-rotation-operator seed`. It comes without status and
// content type, so only its shape counts.
func readAnswer(r io.Reader, now time.Time) (awscreds.Credential, error) {
	body, err := io.ReadAll(io.LimitReader(r, cap.MaxBody+1))
	if err != nil {
		return awscreds.Credential{}, errors.New("standard input cannot be read")
	}
	switch trimmed := strings.TrimSpace(string(body)); {
	case trimmed == "":
		return awscreds.Credential{}, errors.New("standard input is empty: pipe CAP's answer into this command (did curl fail?), or fetch from CAP directly with --url")
	case trimmed[0] == '<':
		return awscreds.Credential{}, errors.New("standard input is a page instead of JSON, which is how CAP refuses a client certificate")
	}
	c, bad := cap.Judge(http.StatusOK, "application/json", body, now, time.Time{})
	if bad != nil {
		return awscreds.Credential{}, fmt.Errorf("%s: %s", bad.Class, beforeThereIsACluster(bad.Message))
	}
	return c, nil
}

// beforeThereIsACluster corrects a message about the cluster's clock: here it is the clock of the machine that prepares the installation.
func beforeThereIsACluster(words string) string {
	return strings.ReplaceAll(words, "this cluster's clock", "this machine's clock")
}

// remarks are warnings about an accepted credential.
func remarks(c awscreds.Credential) string {
	if c.Expiry.Provenance.Doubtful() {
		return "CAP gives the expiry in a form that cannot be relied on: the credential may expire before the cluster is up"
	}
	return ""
}

// expiryInWords says how long a credential is valid.
func expiryInWords(c awscreds.Credential, now time.Time) string {
	switch c.Expiry.Provenance {
	case awscreds.Told:
		return fmt.Sprintf("it expires at %s, in %s", c.Expiry.At.Format(time.RFC3339), c.Expiry.At.Sub(now).Round(time.Minute))
	case awscreds.Assumed:
		return "CAP does not say when it expires"
	default:
		return "its expiry is not known for certain"
	}
}
