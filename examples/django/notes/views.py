from rest_framework.response import Response
from rest_framework.views import APIView


class Notes(APIView):
    """Shows the signed-in user who they are."""

    def get(self, request):
        token = request.auth
        return Response({"user": request.user.id, "session": token["sid"], "roles": token["roles"]})
