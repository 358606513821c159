"""Models behind the chat interface that OpenAI made and most servers speak.

``sending`` makes one request, ``client`` knows what may be asked, ``messages`` says what is sent,
``counts`` what a picture costs, ``letters`` what the model chose.
"""
