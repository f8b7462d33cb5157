package builtin

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"cordum.dev/cordum/sdk/go"
)

// slack posts to an incoming webhook.
type slack struct{ *poster }

func newSlack(address string, g *guard) (*slack, error) {
	p, err := newPoster(ChannelSlack, address, g)
	return &slack{p}, err
}

// slackMessage is text and nothing else: nothing in it is markup, a link, a mention or a preview.
type slackMessage struct {
	Text        string `json:"text"`
	Markdown    bool   `json:"mrkdwn"`
	Parse       string `json:"parse"`
	LinkNames   bool   `json:"link_names"`
	UnfurlLinks bool   `json:"unfurl_links"`
	UnfurlMedia bool   `json:"unfurl_media"`
}

// slackEscape are the three characters that begin markup there: with them <!channel> and <https://…|text> are text.
var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// deliver implements channel.
func (s *slack) deliver(ctx context.Context, m message) error {
	body, err := json.Marshal(slackMessage{Text: slackEscape.Replace(m.text), Parse: "none"})
	if err != nil {
		return undelivered(s.channel, cordum.KindFatal, "the message cannot be encoded")
	}
	return s.post(ctx, body, http.Header{})
}
