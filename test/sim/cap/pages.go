package cap

import (
	"encoding/json"
	"net/http"
)

// dashboardErrorPage is the response, with status 200, to a client certificate that the portal refuses. Only its title is public.
const dashboardErrorPage = `<!DOCTYPE html>
<html>
  <head><title>Combine Dashboard Error</title></head>
  <body>
    <h1>Combine Dashboard Error</h1>
    <p>Your certificate could not be verified. Please contact your administrator.</p>
  </body>
</html>
`

const notFoundPage = `<!DOCTYPE html>
<html><head><title>Not Found</title></head><body><h1>Not Found</h1></body></html>
`

// forbiddenPage is Apache httpd's.
const forbiddenPage = `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">
<html><head><title>403 Forbidden</title></head><body><h1>Forbidden</h1>
<p>You don't have permission to access this resource. Reason: Cannot perform Post-Handshake Authentication.</p></body></html>
`

const badGatewayPage = `<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center></body>
</html>
`

func answerHTML(w http.ResponseWriter, status int, page string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(page))
}

// answerError responds in the published format of the portal's errors.
func answerError(w http.ResponseWriter, status int, message string) {
	answerJSON(w, status, map[string]any{"status": status, "message": message})
}

// answerDisabled is the published response of a portal whose API is off; its format differs from that of other errors.
func answerDisabled(w http.ResponseWriter) {
	answerJSON(w, http.StatusNotFound, map[string]any{"success": false, "message": "API not enabled."})
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil { // maps of strings and numbers always encode
		status, encoded = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}
