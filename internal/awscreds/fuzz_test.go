package awscreds

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/openshift/credential-rotation-operator/internal/echo"
)

const fuzzKey = "k8Qz4TnV7xW1mB6yR3pL9dJ2fH5sG0cA"

// cannedSTS gives one answer to every request.
type cannedSTS struct {
	status            int
	contentType, body string
}

func (c cannedSTS) Do(request *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: c.status, Header: http.Header{"Content-Type": {c.contentType}, "Date": {c.contentType}}, Request: request,
		Body: io.NopCloser(strings.NewReader(c.body)), ContentLength: int64(len(c.body)),
	}, nil
}

// FuzzSTS: whatever STS, or a gateway in front of it, answers, only a named caller accepts a credential and only one of the known codes refuses it,
// and nothing of the credential is shown.
func FuzzSTS(f *testing.F) {
	f.Add(200, "text/xml", `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws-iso:sts::1:assumed-role/r/s</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	f.Add(403, "text/xml", `<ErrorResponse><Error><Code>ExpiredToken</Code><Message>`+fuzzKey+`</Message></Error></ErrorResponse>`)
	f.Add(403, "text/xml", `<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired: x</Message></Error></ErrorResponse>`)
	f.Add(403, "text/xml", `<ErrorResponse><Error><Code>`+fuzzKey+`</Code></Error></ErrorResponse>`)
	f.Add(200, "", "")
	f.Add(500, "text/html", "<html>")
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		client := sts.New(sts.Options{
			Region: "us-iso-east-1", BaseEndpoint: aws.String("https://sts.example.com"), HTTPClient: cannedSTS{200 + ((status-200)%400+400)%400, contentType, body},
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", fuzzKey, ""), Retryer: aws.NopRetryer{},
		})
		result, err := judgeIdentity(client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))
		switch {
		case result.Outcome == STSAccepted && (err != nil || !strings.HasPrefix(result.ARN, "arn:") || result.Code != ""),
			result.Outcome == STSRefused && (err != nil || !refusals[result.Code] || !strings.Contains(body, result.Code)),
			result.Outcome == STSUnknown && (err == nil || result.ARN != "" || result.Code != ""):
			t.Fatalf("the answer %q means %+v, %v", body, result, err)
		case err != nil && (len(err.Error()) > 200 || echo.Repeats(err.Error(), fuzzKey)):
			t.Fatalf("the error quotes the answer: %v", err)
		}
	})
}

// FuzzSeal: a seal verifies for what it was made for, and for nothing else, wherever a letter is moved from one field to the next.
func FuzzSeal(f *testing.F) {
	f.Add("openshift-ingress", "cloud-credentials", "u1", "role", int64(1795176000), []byte("secret"), uint8(0))
	f.Add("", "", "", "", int64(0), []byte{}, uint8(3))
	f.Fuzz(func(t *testing.T, namespace, name, uid, role string, seconds int64, value []byte, move uint8) {
		at := time.Unix(seconds%(1<<37), 0)
		s := Statement{Namespace: namespace, Name: name, UID: uid, Role: role, RefreshedAt: at, ExpiresAt: at.Add(time.Hour), ExpirySource: "Told"}
		key, data := []byte("a key"), map[string][]byte{KeyAccessKeyID: value}
		seal := Seal(key, s, data)
		if !Verify(key, seal, s, data) || !SealedWith(key, seal) || SealedWith([]byte("another"), seal) || Verify([]byte("another"), seal, s, data) {
			t.Fatalf("the seal %q of %+v does not verify, or with another key", seal, s)
		}
		other, otherData := s, data
		switch move % 6 {
		case 0:
			other.Namespace, other.Name = namespace+"x", strings.TrimPrefix(name, "x")
		case 1:
			other.Name, other.UID = name+"x", strings.TrimPrefix(uid, "x")
		case 2:
			other.UID, other.Role = uid+"x", strings.TrimPrefix(role, "x")
		case 3:
			otherData = map[string][]byte{}
		case 4:
			otherData = map[string][]byte{KeySecretAccessKey: value}
		default:
			other.ExpiresAt = at.Add(2 * time.Hour)
		}
		if Verify(key, seal, other, otherData) {
			t.Fatalf("the seal of %+v verifies for %+v", s, other)
		}
	})
}
