package sts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// signature is the parsed Authorization header of Signature Version 4.
type signature struct {
	accessKeyID, date, region, service string
	signedHeaders                      []string
	value                              []byte
	time                               string // of X-Amz-Date
}

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	// timeFormat is that of X-Amz-Date.
	timeFormat = "20060102T150405Z"
)

var errIncomplete = errors.New("the Authorization header is incomplete")

// parseSignature reads
//
//	AWS4-HMAC-SHA256 Credential=ID/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX
func parseSignature(h http.Header) (signature, error) {
	rest, found := strings.CutPrefix(h.Get("Authorization"), algorithm+" ")
	if !found {
		return signature{}, errIncomplete
	}
	fields := map[string]string{}
	for _, part := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	value, err := hex.DecodeString(fields["Signature"])
	s := signature{value: value, time: h.Get("X-Amz-Date"), signedHeaders: strings.Split(fields["SignedHeaders"], ";")}
	if err != nil || len(value) != sha256.Size || len(scope) != 5 || scope[4] != terminator ||
		!slices.Contains(s.signedHeaders, "host") || !strings.HasPrefix(s.time, scope[1]+"T") {
		return signature{}, errIncomplete
	}
	s.accessKeyID, s.date, s.region, s.service = scope[0], scope[1], scope[2], scope[3]
	return s, nil
}

// matches signs the request again with the secret and compares.
func (s signature) matches(r *http.Request, body []byte, secret string) bool {
	canonical := strings.Join([]string{
		r.Method,
		"/", // the only path of the service
		canonicalQuery(r.URL),
		s.canonicalHeaders(r),
		strings.Join(s.signedHeaders, ";"),
		hexHash(body),
	}, "\n")
	scope := strings.Join([]string{s.date, s.region, s.service, terminator}, "/")
	toSign := strings.Join([]string{algorithm, s.time, scope, hexHash([]byte(canonical))}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, terminator, toSign} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hmac.Equal(key, s.value)
}

// canonicalHeaders has a line for each signed header, which net/http may hold in a field of the request instead.
func (s signature) canonicalHeaders(r *http.Request) string {
	var b strings.Builder
	for _, name := range s.signedHeaders {
		values := r.Header.Values(name)
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length":
			values = []string{strconv.FormatInt(r.ContentLength, 10)}
		}
		b.WriteString(name + ":")
		for i, value := range values {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(strings.Join(strings.Fields(value), " "))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func canonicalQuery(u *url.URL) string {
	var pairs []string
	for name, values := range u.Query() {
		for _, value := range values {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// escape percent-encodes everything but the unreserved characters of RFC 3986.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

func hexHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
