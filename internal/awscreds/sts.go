package awscreds

// Asking STS whether it accepts a credential, before it is written anywhere. GetCallerIdentity needs no IAM permission. Only an answer of STS
// about the credential is evidence against it: any other failure leaves the outcome unknown.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/openshift/credential-rotation-operator/internal/proxy"
)

// STSOutcome is what STS thinks of a credential.
type STSOutcome string

const (
	// STSAccepted: STS named the caller.
	STSAccepted STSOutcome = "Accepted"
	// STSRefused: STS refuses the credential; STSResult.Code says why.
	STSRefused STSOutcome = "Refused"
	// STSUnknown: STS could not be asked, or its answer says nothing about the credential.
	STSUnknown STSOutcome = "Unknown"
)

// STSResult is the outcome with its details. It holds no secret.
type STSResult struct {
	Outcome STSOutcome
	// Code of the refusal, one of refusals.
	Code string
	// ARN of the caller where accepted, such as arn:aws-iso:sts::123456789012:assumed-role/role/session.
	ARN string
}

// refusals are the error codes of STS that speak about the credential. AccessDenied is not one of them: GetCallerIdentity is allowed to
// everybody, and the policy of a VPC endpoint gives this answer to good credentials too.
var refusals = map[string]bool{
	"ExpiredToken":                true,
	"ExpiredTokenException":       true,
	"InvalidAccessKeyId":          true,
	"InvalidClientTokenId":        true,
	"InvalidToken":                true,
	"MissingAuthenticationToken":  true,
	"SignatureDoesNotMatch":       true,
	"InvalidSignatureException":   true,
	"UnrecognizedClientException": true,
}

const (
	// defaultSTSTimeout is for one check with its one retry. STS answers in well under a second; a longer wait means that a firewall drops
	// packets, and a refresh should not wait for that.
	defaultSTSTimeout = 15 * time.Second
	// stsAttempts allows a second attempt for the SDK's correction of a clock that is some minutes off. The caller retries everything else.
	stsAttempts = 2
	// maxSTSAnswer limits how much of an answer is read; a usual one has about 1 KiB.
	maxSTSAnswer = 256 << 10
)

// STSChecker asks one STS endpoint. Its zero value with a Region is usable; it keeps no connection and no credential.
type STSChecker struct {
	// Region for which requests are signed, such as us-iso-east-1.
	Region string
	// Endpoint replaces that of the region. https only.
	Endpoint string
	// RootCAs replace the system's when not nil.
	RootCAs *x509.CertPool
	// Proxy as in http.Transport. nil: proxy.For.
	Proxy func(*http.Request) (*url.URL, error)
	// Timeout of one check; 0 means 15 seconds.
	Timeout time.Duration
}

// Check asks STS who the credential is. The error explains an Unknown outcome and is nil for the others; it holds nothing of the credential or
// the answer. The client is made for this call alone: a shared one would fall back to the credentials of the environment or the machine, and
// would accept a credential that it never used.
func (s STSChecker) Check(ctx context.Context, c Credential) (STSResult, error) {
	unknown := STSResult{Outcome: STSUnknown}
	if err := c.Validate(); err != nil {
		return unknown, err
	}
	endpoint, err := checkedEndpoint(ctx, s.Region, s.Endpoint)
	if err != nil {
		return unknown, err
	}
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = defaultSTSTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	client := sts.New(sts.Options{
		Region:           s.Region,
		BaseEndpoint:     aws.String(endpoint),
		Credentials:      credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
		HTTPClient:       s.httpClient(),
		RetryMaxAttempts: stsAttempts,
	})
	return judgeIdentity(client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))
}

// judgeIdentity says what an answer of STS, as the SDK reads it, means for the credential.
func judgeIdentity(identity *sts.GetCallerIdentityOutput, err error) (STSResult, error) {
	unknown := STSResult{Outcome: STSUnknown}
	if err == nil {
		// The SDK treats an empty answer with status 200 as a success without fields.
		if !strings.HasPrefix(aws.ToString(identity.Arn), "arn:") {
			return unknown, errors.New("STS could not be asked: its answer names no caller")
		}
		return STSResult{Outcome: STSAccepted, ARN: aws.ToString(identity.Arn)}, nil
	}
	if code := refusalCode(err); code != "" {
		return STSResult{Outcome: STSRefused, Code: code}, nil
	}
	return unknown, fmt.Errorf("STS could not be asked: %s", describeSTSError(err))
}

// httpClient follows no redirect, because the headers carry the session token, and limits the size of an answer.
func (s STSChecker) httpClient() *http.Client {
	through := s.Proxy
	if through == nil {
		through = proxy.For
	}
	return &http.Client{
		Transport: boundedTransport{&http.Transport{
			Proxy:             through,
			TLSClientConfig:   &tls.Config{RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type boundedTransport struct{ next http.RoundTripper }

// RoundTrip truncates the body after maxSTSAnswer.
func (t boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxSTSAnswer), resp.Body}
	return resp, nil
}

// refusalCode is the code with which STS refuses the credential, or empty for any other error.
func refusalCode(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) || !refusals[api.ErrorCode()] {
		return ""
	}
	if clockSkew(api) {
		return ""
	}
	return api.ErrorCode()
}

// clockSkew: STS reports a wrong clock as a bad signature; only the message tells the two apart.
func clockSkew(api smithy.APIError) bool {
	message := strings.ToLower(api.ErrorMessage())
	return strings.Contains(message, "signature expired") || strings.Contains(message, "not yet current")
}

// describeSTSError describes an error in our own words: an SDK error may quote the answer.
func describeSTSError(err error) string {
	var (
		api      smithy.APIError
		response interface{ HTTPStatusCode() int }
		dns      *net.DNSError
		network  net.Error
		verify   *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &verify):
		return "its server certificate is not trusted"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "the check was cancelled"
	case errors.As(err, &dns):
		return "its host name is not known"
	case errors.As(err, &api) && clockSkew(api):
		return "this cluster's clock and that of STS disagree"
	case errors.As(err, &response) && response.HTTPStatusCode() > 0:
		return fmt.Sprintf("it answered with status %d, which says nothing about the credential", response.HTTPStatusCode())
	default:
		return "it cannot be reached"
	}
}
